import { type Command, InvalidArgumentError, Option } from "commander";
import type { KeyAgents, KeyChange, KeyReach, SigningKey } from "./answers.ts";
import { type Api, get, list, post } from "./api.ts";
import { examples, jsonOption, withApi } from "./command.ts";
import { wrongUsage } from "./failure.ts";
import { withFreshLogin } from "./login.ts";
import type { Terminal } from "./terminal.ts";
import { asJson, visible } from "./text.ts";

interface ChangeOptions {
  readonly reason: string;
  readonly passwordStdin?: true;
}

/** Agents that are named; the others are counted. */
const shownAgents = 10;

const passwordHelp = "read your password from the first line of standard input, should it be asked for";

export function addKeyChangeCommands(key: Command, terminal: Terminal): void {
  key
    .command("show")
    .description("Show which agents hold a key, and whom its loss would strand.")
    .argument("<key>", "its id, or the beginning of it")
    .addOption(jsonOption())
    .addHelpText("after", examples("postern key show mKpBi_NG"))
    .action(
      withApi(terminal, async (api, typed: string, { json }: { json?: true }) => {
        const found = await findKey(api, typed);
        const reach = await reachOf(api, found);
        terminal.print(json ? asJson({ ...found, reach }) : `${reachLines(found, reach).join("\n")}\n`);
      }),
    );

  withReason(key.command("rotate"))
    .description(
      "Make a new token, config or audit key the active one. Says first whom tokens for a tenant or the cluster may miss from then on.",
    )
    .argument("<use>", "token, config or audit", checkedUse)
    .option("--dry-run", "say whom it would concern, and do nothing")
    .addHelpText(
      "after",
      examples(
        "postern key rotate token --reason 'yearly rotation' --dry-run",
        "postern key rotate config --reason 'yearly rotation'",
      ),
    )
    .action(
      withApi(terminal, async (api, use: string, options: ChangeOptions & { dryRun?: true }) => {
        const active = await activeKey(api, use);
        const isAudit = use === "audit";
        const concerns = isAudit ? ["It concerns no agent."] : behindLines(active, await reachOf(api, active));
        terminal.say(`${concerns.join("\n")}\n`);
        if (options.dryRun) return;
        const { made, trustBundleVersion } = await change<KeyChange>(terminal, api, `/keys/${use}/rotate`, options);
        terminal.print(`${made?.kid ?? ""}\n`);
        if (isAudit) {
          terminal.say(`It is the active audit key. ${active.kid} signs one more checkpoint, which names it.\n`);
          return;
        }
        terminal.say(
          `It is the active ${use} key, in trust bundle ${trustBundleVersion}; connected agents have it now.\n`,
        );
      }),
    );

  withReason(key.command("compromise"))
    .description(
      "Say that somebody else may have a key. It never signs again; a new one takes its place, and agents learn of it at once. Cannot be undone.",
    )
    .argument("<key>", "its id, or the beginning of it")
    .addHelpText("after", examples("postern key compromise mKpBi_NG --reason 'backup tape lost'"))
    .action(
      withApi(terminal, async (api, typed: string, options: ChangeOptions) => {
        const found = await findKey(api, typed);
        terminal.say(strandedText(await reachOf(api, found), "Until they have been connected, no token will reach"));
        const path = `/keys/${found.kid}/compromise`;
        const { made, trustBundleVersion } = await change<KeyChange>(terminal, api, path, options);
        if (made !== null) terminal.print(`${made.kid}\n`);
        terminal.say(
          `The ${found.use} key ${found.kid} signs nothing any more; trust bundle ${trustBundleVersion} is without it.\n`,
        );
      }),
    );

  withReason(key.command("destroy"))
    .description("Destroy the private half of a retired or compromised key, on every node. Cannot be undone.")
    .argument("<key>", "its id, or the beginning of it")
    .addOption(
      new Option(
        "--stranded <n>",
        "how many agents it strands; without it they are listed, and nothing is done",
      ).argParser(wholeNumber),
    )
    .addHelpText(
      "after",
      examples(
        "postern key destroy mKpBi_NG --reason 'end of its life'",
        "postern key destroy mKpBi_NG --reason 'end of its life' --stranded 0",
      ),
    )
    .action(
      withApi(terminal, async (api, typed: string, options: ChangeOptions & { stranded?: number }) => {
        const found = await findKey(api, typed);
        const reach = await reachOf(api, found);
        terminal.say(strandedText(reach, "Until they have been connected, no token will reach"));
        if (options.stranded === undefined) {
          throw wrongUsage("Nothing was destroyed.", `To destroy it, add: --stranded ${reach.stranded.count}`);
        }
        const { stranded } = options;
        await change<SigningKey>(terminal, api, `/keys/${found.kid}/destroy`, options, { stranded });
        terminal.say(`The private half of the ${found.use} key ${found.kid} is destroyed.\n`);
      }),
    );
}

function withReason(command: Command): Command {
  return command
    .requiredOption("--reason <text>", "why; it stands in the audit log")
    .option("--password-stdin", passwordHelp);
}

function checkedUse(text: string): string {
  if (text !== "token" && text !== "config" && text !== "audit") {
    throw new InvalidArgumentError("Give token, config or audit.");
  }
  return text;
}

function wholeNumber(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError("Give a whole number.");
  return Number(text);
}

function change<Answer>(
  terminal: Terminal,
  api: Api,
  path: string,
  { reason, passwordStdin }: ChangeOptions,
  more: object = {},
): Promise<Answer> {
  const options = passwordStdin ? { passwordStdin } : {};
  return withFreshLogin(terminal, api, options, () => post<Answer>(api, path, { reason, ...more }));
}

/** @throws {CommandFailed} 2: none begins like this, or several do */
async function findKey(api: Api, typed: string): Promise<SigningKey> {
  const { items } = await list<SigningKey>(api, "/keys", {}, Number.MAX_SAFE_INTEGER);
  const matches = typed === "" ? [] : items.filter(({ kid }) => kid.startsWith(typed));
  const [match] = matches;
  if (match !== undefined && matches.length === 1) return match;
  const how = match === undefined ? "No key's id begins" : "Several keys' ids begin";
  throw wrongUsage(`${how} with "${visible(typed)}".`, "postern key list shows what there is.");
}

async function activeKey(api: Api, use: string): Promise<SigningKey> {
  const { items } = await list<SigningKey>(api, "/keys", { use, state: "active" }, 1);
  const [active] = items;
  if (active === undefined) throw wrongUsage(`The cluster has no active ${use} key.`);
  return active;
}

function reachOf(api: Api, { kid }: SigningKey): Promise<KeyReach> {
  return get<KeyReach>(api, `/keys/${kid}/reach`);
}

function reachLines(key: SigningKey, reach: KeyReach): string[] {
  const state = `The ${key.use} key ${key.kid} is ${key.state}${key.destroyedAt ? ", destroyed" : ""}.`;
  if (key.use === "audit") return [state, "It signs checkpoints of the audit log; agents do not need it."];
  return [
    state,
    `${reach.holding} of ${agents(reach.agents)} ${reach.holding === 1 ? "holds" : "hold"} it.`,
    ...(reach.notHolding.count > 0 ? ["Without it:", ...named(reach.notHolding)] : []),
    `Its loss would strand ${agents(reach.stranded.count)}.`,
    ...named(reach.stranded),
  ];
}

/** Whom a rotation leaves further behind. */
function behindLines({ use }: SigningKey, { notHolding }: KeyReach): string[] {
  if (notHolding.count === 0) return [`Every agent has acknowledged the ${use} key of now.`];
  const who = `${agents(notHolding.count)} ${notHolding.count === 1 ? "has" : "have"}`;
  const effect =
    use === "token"
      ? "A token for one of them alone reaches it; one for a tenant or the cluster may not:"
      : "They get it with the next answer:";
  return [`${who} not acknowledged the ${use} key of now. ${effect}`, ...named(notHolding)];
}

function strandedText({ stranded }: KeyReach, says: string): string {
  if (stranded.count === 0) return "No agent hangs on this key alone.\n";
  return `${says} ${agents(stranded.count)}:\n${named(stranded).join("\n")}\n`;
}

function named({ count, agents: some }: KeyAgents): string[] {
  const lines = some
    .slice(0, shownAgents)
    .map(({ hostName, tenant }) => `  ${visible(hostName)} (${visible(tenant.name)})`);
  return count > lines.length ? [...lines, `  and ${count - lines.length} more`] : lines;
}

function agents(count: number): string {
  return `${count} ${count === 1 ? "agent" : "agents"}`;
}
