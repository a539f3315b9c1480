import { parseChallenge } from "@postern/token";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Coverage, GeneratedToken, TokenPreview } from "./answers.ts";
import { type Api, jsonOf, post } from "./api.ts";
import { examples, withApi } from "./command.ts";
import { wrongUsage } from "./failure.ts";
import { findAgentOrDeleted, findTenant } from "./find.ts";
import { withFreshLogin } from "./login.ts";
import { ApiRefused } from "./refused.ts";
import type { Terminal } from "./terminal.ts";
import { visible } from "./text.ts";
import { fromNow, localTime, utcTime } from "./times.ts";
import { downloadToken } from "./token-download.ts";
import { makeTokenFile } from "./token-file.ts";

interface GenerateOptions {
  readonly agent?: string;
  readonly tenant?: string;
  readonly cluster?: true;
  readonly reason: string;
  readonly challenge?: string;
  readonly ticket?: string;
  readonly out?: string | true;
  readonly passwordStdin?: true;
  readonly offline?: true;
  readonly keys?: string;
  readonly key?: string;
  readonly keyPassphraseFile?: string;
}

export function addGenerateCommand(token: Command, terminal: Terminal): void {
  token
    .command("generate")
    .description(
      "Generate an agent token, good for 15 minutes. The token alone goes to standard output, or to a file with --out. " +
        "For a tenant or the cluster, your password is asked for when you logged in more than 15 minutes ago. " +
        "With --offline it is made from the keys alone, on a machine that has them, while no node runs; the next start " +
        "of one enters it in the audit log.",
    )
    .option("--agent <host|id>", "for one agent")
    .option("--tenant <name|id>", "for every Windows agent of a tenant")
    .option("--cluster", "for every Windows agent of the cluster")
    .requiredOption("--reason <text>", "why; it stands in the audit log")
    .addOption(
      new Option("--challenge <challenge>", "what PosternAgent.exe -challenge printed; only with --agent").argParser(
        checkedChallenge,
      ),
    )
    .option("--ticket <text>", "number of a ticket, for the audit log")
    .option("--out [file]", "keep it in this file, or in one named for whom and until when; readable by you only")
    .option("--password-stdin", "read your password from the first line of standard input, should it be asked for")
    .option("--offline", "without the cluster, from its keys alone; agents and tenants are named by their ids")
    .option("--keys <folder>", "with --offline: the folder keys of the data directory, or a copy of it")
    .option("--key <key>", "with --offline: the token key to sign with (else the one that most agents accept)")
    .option(
      "--key-passphrase-file <file>",
      "with --offline: the passphrase of the key store [POSTERN_KEY_PASSPHRASE_FILE]",
    )
    .addHelpText(
      "after",
      examples(
        'postern token generate --agent WS-PAYROLL-07 --reason "disk full, agent must stop" --ticket INC-4711',
        'postern token generate --tenant acme --reason "site without network" --out',
        'postern token generate --agent WS-PAYROLL-07 --reason "clock is wrong" --challenge 7Q3K-M2V8-XH5T-9RJ*',
        'postern token generate --offline --keys /var/lib/postern/keys --agent 019a8f00-5a3e-7c41-9a77-0d2f6f1c2b34 --reason "cluster lost"',
      ),
    )
    .action(async (options: GenerateOptions) => {
      if (options.offline) return offline(terminal, options);
      const stray = (["keys", "key", "keyPassphraseFile"] as const).find((name) => options[name] !== undefined);
      if (stray !== undefined) throw wrongUsage("--keys, --key and --key-passphrase-file go with --offline only.");
      return withApi(terminal, (api) => generate(terminal, api, options))();
    });
}

/** Only this command of an operator's needs the cluster's own code: the others are to start at once. */
async function offline(terminal: Terminal, options: GenerateOptions): Promise<void> {
  const { tellingWhatToDo } = await import("../node-runs.ts");
  const { generateOfflineToken } = await import("../offline-token.ts");
  await tellingWhatToDo(() => generateOfflineToken(terminal, options));
}

function checkedChallenge(typed: string): string {
  if (parseChallenge(typed) === undefined) {
    throw new InvalidArgumentError("It is mistyped: read it again from the workload, or make a new one there.");
  }
  return typed;
}

async function generate(terminal: Terminal, api: Api, options: GenerateOptions): Promise<void> {
  const { target, whom } = await targetOf(api, options);
  const { reason, ticket, challenge } = options;
  const body = { ...target, reason, ...(ticket ? { ticket } : {}), ...(challenge ? { challenge } : {}) };
  // One key for all tries: should the answer to one be lost, the next gives the same token and not a second one.
  const headers = { "idempotency-key": terminal.randomUuid() };
  const send = async (): Promise<GeneratedToken> =>
    jsonOf(api, await api.request("POST", "/agent-tokens", { body, headers }));

  const file = typeof options.out === "string" ? await makeTokenFile(options.out) : undefined;
  let made: GeneratedToken;
  try {
    made = await withFreshLogin(terminal, api, options, send, () => sayReach(terminal, api, target, challenge));
    await file?.fill(made.token);
  } catch (error) {
    await file?.discard();
    throw error;
  }
  const path =
    file?.path ?? (options.out === true ? await downloadToken(terminal, api, made.id, undefined) : undefined);
  if (path === undefined) terminal.print(`${made.token}\n`);
  tell(terminal, made, whom, path);
}

/** What the request says of the target, and how to call it. @throws {CommandFailed} 2 */
async function targetOf(api: Api, { agent, tenant, cluster }: GenerateOptions) {
  if ([agent, tenant, cluster].filter((given) => given !== undefined).length !== 1) {
    throw wrongUsage("Say whom the token is for with one of --agent, --tenant and --cluster.");
  }
  if (agent !== undefined) {
    const { id, hostName } = await findAgentOrDeleted(api, agent);
    return { target: { kind: "agent", agentId: id }, whom: `the agent on ${visible(hostName)}` };
  }
  if (tenant !== undefined) {
    const { id, name } = await findTenant(api, tenant);
    return { target: { kind: "tenant", tenantId: id }, whom: `the tenant ${visible(name)}` };
  }
  return { target: { kind: "cluster" }, whom: "the whole cluster" };
}

const reasons: Readonly<Record<string, string>> = {
  key_not_acknowledged: "have acknowledged no key of the cluster yet",
  key_withdrawn: "know only keys that are compromised or destroyed, until they have been connected",
  other_key_held: "hold another key of the cluster; a token for each of them alone (--agent) reaches them",
  challenge_required: "take only a token that answers a challenge of theirs (--agent with --challenge)",
};

/** Before the password is asked for: is it worth having? */
async function sayReach(terminal: Terminal, api: Api, target: object, challenge: string | undefined): Promise<void> {
  const body = { ...target, answersChallenge: challenge !== undefined };
  const preview = await post<TokenPreview>(api, "/agent-tokens/preview", body).catch((error: unknown) => {
    if (error instanceof ApiRefused) return undefined; // an older cluster has none
    throw error;
  });
  if (preview === undefined) return;
  const { coverage } = preview;
  terminal.say(`${reachLines(coverage, "Would reach").join("\n")}\n`);
}

function reachLines({ agents, reached, notReached }: Coverage, verb: string): string[] {
  return [
    `${verb} ${reached} of ${agents} Windows ${agents === 1 ? "agent" : "agents"}.`,
    ...notReached.map(({ reason, count }) => `  ${count} ${reasons[reason] ?? visible(reason)}`),
  ];
}

function tell(terminal: Terminal, made: GeneratedToken, whom: string, path: string | undefined): void {
  const { expiresAt, coverage } = made;
  const lines = [
    `Agent token for ${whom}.`,
    `Good until ${localTime(expiresAt)} (${utcTime(expiresAt)}, ${fromNow(expiresAt, terminal.now())}).`,
    ...reachLines(coverage, "Reaches"),
    path === undefined
      ? "On the workload, as an administrator:"
      : `Carry ${path} to the workload. There, as an administrator:`,
    `  "C:\\Program Files\\Postern\\PosternAgent.exe" -unprotect ${path === undefined ? "<token>" : `-file ${fileName(path)}`}`,
  ];
  terminal.say(`${lines.join("\n")}\n`);
}

/** The last part of a path: what the file will be called on the workload, too. */
function fileName(path: string): string {
  const name = path.split("/").at(-1) ?? path;
  return name.includes(" ") ? `"${name}"` : name;
}
