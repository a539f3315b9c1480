import type { Command } from "commander";
import { addLabelCommand } from "./agent-labels.ts";
import { addLifecycleCommands } from "./agent-lifecycle.ts";
import { addAgentListCommand } from "./agent-list.ts";
import type { AgentDetail, JournalEvent } from "./answers.ts";
import { get, list } from "./api.ts";
import { examples, jsonOption, type ListOptions, limitOption, printList, topic, withApi } from "./command.ts";
import { findAgent } from "./find.ts";
import { addConfirmDropCommand } from "./intents.ts";
import type { Terminal } from "./terminal.ts";
import { asDetail, asJson, type Column } from "./text.ts";
import { duration, fromNow, localTime, utcTime } from "./times.ts";
import { whatOf } from "./what-happened.ts";

interface OneAgentOptions {
  readonly tenant?: string;
  readonly json?: true;
}

export function addAgentCommands(program: Command, terminal: Terminal): void {
  const agent = topic(program, "agent", "Agents: the programs on your workloads, and what they report.");

  addAgentListCommand(agent, terminal);

  agent
    .command("show")
    .description("Show one agent: its workload, its protection, and the config wanted of it.")
    .argument("<agent>", "host name or id")
    .option("--tenant <tenant>", "the tenant it belongs to (name or id)")
    .addOption(jsonOption())
    .addHelpText("after", examples("postern agent show WS-PAYROLL-07"))
    .action(
      withApi(terminal, async (api, typed: string, { tenant, json }: OneAgentOptions) => {
        const { id } = await findAgent(api, typed, tenant);
        const found: AgentDetail = await get(api, `/agents/${id}`);
        terminal.print(json ? asJson(found) : detailOf(found, terminal.now()));
      }),
    );

  agent
    .command("journal")
    .description("List what happened to an agent's protection, as the agent told it, newest first.")
    .argument("<agent>", "host name or id")
    .option("--tenant <tenant>", "the tenant it belongs to (name or id)")
    .option("--kind <kind>", "only this kind of entry, such as redeemed")
    .addOption(limitOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples("postern agent journal WS-PAYROLL-07", "postern agent journal WS-PAYROLL-07 --kind redeemed --json"),
    )
    .action(
      withApi(terminal, async (api, typed: string, options: ListOptions & { tenant?: string; kind?: string }) => {
        const { id } = await findAgent(api, typed, options.tenant);
        const listed = await list<JournalEvent>(api, `/agents/${id}/journal`, { kind: options.kind }, options.limit);
        printList(terminal, listed, options, { columns: journalColumns, none: "Nothing was journaled yet." });
      }),
    );
  addLabelCommand(agent, terminal);
  addConfirmDropCommand(agent, terminal);
  addLifecycleCommands(agent, terminal);
}

const journalColumns: readonly Column<JournalEvent>[] = [
  { heading: "SEQ", value: ({ seq }) => String(seq) },
  { heading: "TRUSTED TIME", value: ({ trustedAt }) => utcTime(trustedAt) },
  { heading: "RECEIVED", value: ({ receivedAt }) => utcTime(receivedAt) },
  { heading: "KIND", value: ({ kind }) => kind },
  { heading: "WHAT", value: (event) => whatOf(event) },
];

function detailOf(agent: AgentDetail, now: number): string {
  const { protectionReport: protection, config, trustBundle, facts } = agent;
  const time = (instant: string) => `${localTime(instant)} (${utcTime(instant)})`;
  const left = protection?.budgetLeftSeconds ?? undefined;
  const layers = Object.entries(protection?.layers ?? {}).map(([layer, state]) => `${layer} ${state}`);
  const others = (protection?.otherServices ?? []).map(({ name, state }) => `${name} ${state.replaceAll("_", " ")}`);
  return asDetail([
    ["id", agent.id],
    ["host name", agent.hostName],
    ["tenant", `${agent.tenant.name} (${agent.tenant.id})`],
    ["platform", `${agent.platform} ${agent.osVersion}, ${facts.arch}`],
    ["addresses", facts.addresses.join(", ") || "-"],
    ["agent version", agent.agentVersion],
    ["labels", agent.labels.length > 0 ? agent.labels.join(", ") : undefined],
    ["state", `${agent.state}, seen ${fromNow(agent.seenAt, now)}`],
    ["decommission", decommissionText(agent, time)],
    ["replaced by", agent.standing?.replacedBy ?? undefined],
    ["looks like", agent.lookAlikes?.map(({ hostName, id }) => `${hostName} (${id})`).join(", ") || undefined],
    ["enrolled", time(agent.enrolledAt)],
    ["profile", `${agent.profile.name} (${agent.profile.id})`],
    [
      "kept from",
      agent.wouldDrop ? `profile ${agent.wouldDrop.profileId} since ${time(agent.wouldDrop.since)}` : undefined,
    ],
    ["protection", protection ? `${protection.state} since ${time(protection.since)}` : "not reported yet"],
    ["layers", layers.length > 0 ? layers.join(", ") : undefined],
    ["other services", others.length > 0 ? others.join(", ") : undefined],
    ["lift", left === undefined ? undefined : `${duration(left * 1000)} left`],
    ["redeemed token", protection?.tokenId ?? undefined],
    ["config", configText(config)],
    ["trust bundle", `${trustBundle.acknowledged} acknowledged, ${trustBundle.current} current`],
    ["identity key", agent.identityThumbprint],
  ]);
}

function decommissionText({ decommission }: AgentDetail, time: (instant: string) => string): string | undefined {
  if (!decommission) return undefined;
  const { by, requestedAt, appliedAt } = decommission;
  return appliedAt === null ? `asked for by ${by}, ${time(requestedAt)}` : `carried out ${time(appliedAt)}, for ${by}`;
}

function configText({ desiredRev, appliedRev, refused }: AgentDetail["config"]): string {
  if (refused) return `refused (${refused.code}), still the one of before`;
  return desiredRev === appliedRev ? "applied" : "not yet applied";
}
