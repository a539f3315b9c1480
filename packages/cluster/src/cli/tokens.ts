import { type Command, Option } from "commander";
import type { AgentTokenDetail, AgentTokenSummary } from "./answers.ts";
import { type Api, get, list } from "./api.ts";
import {
  examples,
  jsonOption,
  type ListOptions,
  limitOption,
  printList,
  timeOption,
  topic,
  withApi,
} from "./command.ts";
import { wrongUsage } from "./failure.ts";
import { findAgent, findTenant, findUser, isId } from "./find.ts";
import type { Terminal } from "./terminal.ts";
import { asDetail, asJson, type Column, visible } from "./text.ts";
import { duration, fromNow, localTime, utcTime } from "./times.ts";
import { downloadToken } from "./token-download.ts";
import { addGenerateCommand } from "./token-generate.ts";

interface TokenListOptions extends ListOptions {
  readonly tenant?: string;
  readonly agent?: string;
  readonly kind?: string;
  readonly state?: string;
  readonly who?: string;
  readonly redeemed?: true;
  readonly since?: string;
}

interface ShowOptions {
  readonly agent?: string;
  readonly json?: true;
}

export function addTokenCommands(program: Command, terminal: Terminal): void {
  const token = topic(program, "token", "Agent tokens: signed, 15-minute permissions to lift service protection.");

  addGenerateCommand(token, terminal);

  token
    .command("list")
    .description("List the agent tokens that were generated, newest first, without the tokens themselves.")
    .option("--tenant <tenant>", "only those of this tenant and its agents (name or id)")
    .option("--agent <agent>", "only those for this agent (host name or id)")
    .addOption(new Option("--kind <kind>", "only this kind").choices(["cluster", "tenant", "agent"]))
    .addOption(new Option("--state <state>", "only this state").choices(["live", "expired", "revoked"]))
    .option("--redeemed", "only those that an agent has told of redeeming")
    .option("--who <user>", "only those that this user generated (name or id), or the API key of this id")
    .addOption(timeOption(terminal, "--since <time>", "issued then or later: 2h, 7d, or 2026-11-24T08:00:00Z", "ago"))
    .addOption(limitOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        "postern token list --state live",
        "postern token list --redeemed --since 30d",
        "postern token list --agent WS-PAYROLL-07 --json",
      ),
    )
    .action(withApi(terminal, (api, options: TokenListOptions) => listTokens(terminal, api, options)));

  token
    .command("show")
    .description(
      "Show one agent token: for whom, why, who redeemed it, and, while it is live and your role allows it, the token. " +
        "Seeing the token is entered in the audit log.",
    )
    .argument("[id]", "its id, as postern token list shows it")
    .option("--agent <agent>", "instead of an id: the live token for this agent (host name or id)")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples("postern token show 019a8f00-5a3e-7c41-9a77-0d2f6f1c2b34", "postern token show --agent WS-PAYROLL-07"),
    )
    .action(
      withApi(terminal, async (api, typed: string | undefined, { agent, json }: ShowOptions) => {
        const found: AgentTokenDetail = await get(
          api,
          `/agent-tokens/${encodeURIComponent(await tokenIdOf(api, typed, agent))}`,
        );
        terminal.print(json ? asJson(found) : detailOf(found, terminal.now()));
      }),
    );

  token
    .command("download")
    .description("Keep a live token in a file of its own, readable by you only. Entered in the audit log.")
    .argument("[id]", "its id, as postern token list shows it")
    .option("--agent <agent>", "instead of an id: the live token for this agent (host name or id)")
    .option("--out <file>", 'the file; "-" is standard output (else a name that says for whom and until when)')
    .addHelpText(
      "after",
      examples(
        "postern token download 019a8f00-5a3e-7c41-9a77-0d2f6f1c2b34",
        "postern token download --agent WS-PAYROLL-07 --out /media/stick/token.txt",
      ),
    )
    .action(
      withApi(terminal, async (api, typed: string | undefined, { agent, out }: { agent?: string; out?: string }) => {
        const path = await downloadToken(terminal, api, await tokenIdOf(api, typed, agent), out);
        if (path !== undefined) terminal.say(`The token is in ${path}.\n`);
      }),
    );

  token
    .command("revoke")
    .description(
      "Revoke a token. Agents that reach the cluster refuse it from then on; an agent that is cut off cannot know, " +
        "and takes it until it expires.",
    )
    .argument("[id]", "its id, as postern token list shows it")
    .option("--agent <agent>", "instead of an id: the live token for this agent (host name or id)")
    .addHelpText(
      "after",
      examples(
        "postern token revoke 019a8f00-5a3e-7c41-9a77-0d2f6f1c2b34",
        "postern token revoke --agent WS-PAYROLL-07",
      ),
    )
    .action(
      withApi(terminal, async (api, typed: string | undefined, { agent }: { agent?: string }) => {
        const id = await tokenIdOf(api, typed, agent);
        await api.request("DELETE", `/agent-tokens/${encodeURIComponent(id)}`);
        terminal.say("Revoked. Agents that are cut off cannot know, and take the token until it expires.\n");
      }),
    );
}

/** The id given, or that of the newest live token for one agent. @throws {CommandFailed} 2: none, both or no such thing */
async function tokenIdOf(api: Api, id: string | undefined, agent: string | undefined): Promise<string> {
  if ((id === undefined) === (agent === undefined)) throw wrongUsage("Give either the id of a token, or --agent.");
  if (id !== undefined) return id;
  const { id: agentId, hostName } = await findAgent(api, agent ?? "", undefined);
  const { items } = await list<AgentTokenSummary>(api, "/agent-tokens", { agentId, kind: "agent", state: "live" }, 1);
  const [live] = items;
  if (live) return live.id;
  const next = `Generate one: postern token generate --agent ${visible(hostName)} --reason TEXT`;
  throw wrongUsage(`There is no live token for the agent on ${visible(hostName)}.`, next);
}

async function listTokens(terminal: Terminal, api: Api, options: TokenListOptions): Promise<void> {
  const { kind, state } = options;
  const tenantId = options.tenant === undefined ? undefined : (await findTenant(api, options.tenant)).id;
  const agentId = options.agent === undefined ? undefined : (await findAgent(api, options.agent, options.tenant)).id;
  const { who, redeemed, since } = options;
  const issuedById = who === undefined || isId(who) ? who : (await findUser(api, who)).id;
  const query = { tenantId, agentId, kind, state, issuedById, since, redeemed: redeemed && "true" };
  const listed = await list<AgentTokenSummary>(api, "/agent-tokens", query, options.limit);
  const now = terminal.now();
  const columns: readonly Column<AgentTokenSummary>[] = [
    { heading: "ID", value: ({ id }) => id },
    { heading: "KIND", value: (row) => row.kind },
    { heading: "FOR", value: ({ agent, tenant }) => agent?.hostName ?? tenant?.name ?? "the cluster" },
    { heading: "STATE", value: (row) => row.state },
    { heading: "EXPIRES", value: ({ expiresAt }) => fromNow(expiresAt, now) },
    { heading: "BY", value: ({ issuedBy }) => issuedBy.name },
    { heading: "REDEEMED", value: ({ redemptionCount }) => String(redemptionCount) },
    { heading: "REASON", value: ({ reason }) => reason },
  ];
  printList(terminal, listed, options, { columns, none: "No agent tokens." });
}

function detailOf(token: AgentTokenDetail, now: number): string {
  const time = (instant: string) => `${localTime(instant)} (${utcTime(instant)})`;
  const redemptions = token.redemptions.map(
    ({ agent, trustedAt, lift }) =>
      `${agent.hostName} at ${utcTime(trustedAt)}${lift === "running" ? ", still lifted" : ""}`,
  );
  return asDetail([
    ["id", token.id],
    ["kind", token.kind],
    ["tenant", token.tenant ? `${token.tenant.name} (${token.tenant.id})` : undefined],
    ["agent", token.agent ? `${token.agent.hostName} (${token.agent.id})` : undefined],
    ["state", token.state],
    ["issued", `${time(token.issuedAt)} by ${token.issuedBy.name}`],
    ["expires", `${time(token.expiresAt)}, ${fromNow(token.expiresAt, now)}`],
    ["reason", token.reason],
    ["ticket", token.ticket ?? undefined],
    ["lift", duration(token.liftSeconds * 1000)],
    ["answers a challenge", token.answersChallenge ? "yes" : "no"],
    ["revoked", token.revokedAt === null ? undefined : `${time(token.revokedAt)} by ${token.revokedBy ?? "-"}`],
    ["redeemed", redemptions.join(", ") || "by nobody that the cluster knows of"],
    ["token", token.token ?? undefined],
  ]);
}
