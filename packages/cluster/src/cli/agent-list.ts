import { type Command, Option } from "commander";
import type { Agent } from "./answers.ts";
import { type Api, list, type Query } from "./api.ts";
import { examples, jsonOption, type ListOptions, limitOption, printList, withApi } from "./command.ts";
import { downloadTo } from "./download.ts";
import { wrongUsage } from "./failure.ts";
import { findProfile, findTenant, tenantNames } from "./find.ts";
import type { Terminal } from "./terminal.ts";
import type { Column } from "./text.ts";
import { fromNow } from "./times.ts";

interface AgentListOptions extends ListOptions {
  readonly tenant?: readonly string[];
  readonly search?: string;
  readonly platform?: readonly string[];
  readonly state?: readonly string[];
  readonly protection?: readonly string[];
  readonly agentVersion?: readonly string[];
  readonly profile?: readonly string[];
  readonly label?: readonly string[];
  readonly view?: string;
  readonly sort?: string;
  readonly csv?: true;
  readonly out?: string;
}

const platforms = ["windows", "linux", "macos", "aix", "solaris"];
const states = ["active", "inactive", "restored", "replaced", "decommissioned"];
const protections = ["off", "on", "lifted", "unsupported", "not_reported", "would_drop"];
const sorts = ["hostName", "enrolledAt", "platform", "version", "protection", "profile"];

/** `postern agent list`: the agents, searched, filtered and sorted as in the console, or all of them as CSV. */
export function addAgentListCommand(agent: Command, terminal: Terminal): void {
  agent
    .command("list")
    .description("List the agents that you see. Of several values of one filter any may fit; all filters must.")
    .option("--tenant <tenants...>", "only those of these tenants (name or id)")
    .option("--search <text>", "only those with this in host name, address or label, or at the beginning of the id")
    .addOption(new Option("--platform <platforms...>", "only these platforms").choices(platforms))
    .addOption(new Option("--state <states...>", "only those heard of lately, or not, or set apart").choices(states))
    .addOption(new Option("--protection <states...>", "only these states of protection").choices(protections))
    .option("--agent-version <versions...>", "only these versions of the agent")
    .option("--profile <profiles...>", "only those with these profiles (name or id)")
    .option("--label <labels...>", "only those with one of these labels")
    .addOption(
      new Option(
        "--view <view>",
        "protection_gaps: protection or config is not the one wanted; cut_off: protected and silent",
      ).choices(["protection_gaps", "cut_off"]),
    )
    .addOption(
      new Option("--sort <field>", `by ${sorts.join(", ")}; -hostName goes the other way`)
        .choices(sorts.flatMap((field) => [field, `-${field}`]))
        .default("hostName"),
    )
    .option("--csv", "all that fit as CSV, in the order of enrolment")
    .option("--out <file>", "with --csv: into this file, which must not be there yet, instead of standard output")
    .addOption(limitOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        "postern agent list --tenant acme",
        "postern agent list --protection lifted would_drop",
        "postern agent list --label site:berlin --state inactive --sort -enrolledAt",
        "postern agent list --view protection_gaps",
        "postern agent list --csv --out agents.csv",
        "postern agent list --state inactive --json | jq -r '.[].hostName'",
      ),
    )
    .action(withApi(terminal, (api, options: AgentListOptions) => listAgents(terminal, api, options)));
}

async function listAgents(terminal: Terminal, api: Api, options: AgentListOptions): Promise<void> {
  const { csv, json, out, limit, sort, view } = options;
  const query = await queryOf(api, options);
  if (out !== undefined && !csv) throw wrongUsage("--out is for --csv.");
  if (csv) {
    if (json) throw wrongUsage("Give --csv or --json.");
    return downloadTo(terminal, api, "/agents", { ...query, format: "csv" }, out, "The agents are");
  }
  const listed = await list<Agent>(api, "/agents", { ...query, sort }, limit);
  const names = json ? new Map<string, string>() : await tenantNames(api);
  const now = terminal.now();
  const gaps: Column<Agent> = { heading: "GAP", value: ({ protectionGap }) => protectionGap ?? undefined };
  const columns: readonly Column<Agent>[] = [
    { heading: "HOST", value: ({ hostName }) => hostName },
    { heading: "TENANT", value: (row) => names.get(row.tenantId) ?? row.tenantId },
    { heading: "PLATFORM", value: ({ platform: on }) => on },
    { heading: "STATE", value: ({ state: is }) => is },
    { heading: "PROTECTION", value: ({ protection: reported }) => reported ?? undefined },
    ...(view === "protection_gaps" ? [gaps] : []),
    { heading: "SEEN", value: ({ seenAt }) => fromNow(seenAt, now) },
    { heading: "ID", value: ({ id }) => id },
  ];
  printList(terminal, listed, options, { columns, none: "No agents." });
}

/** The filters as the API takes them; names become ids. @throws {CommandFailed} 2 */
async function queryOf(api: Api, options: AgentListOptions): Promise<Query> {
  const {
    search: q,
    platform,
    state,
    protection,
    agentVersion: version,
    label,
    view,
    tenant = [],
    profile = [],
  } = options;
  const tenantIds: string[] = [];
  for (const one of tenant) tenantIds.push((await findTenant(api, one)).id);
  const profileIds: string[] = [];
  for (const one of profile) {
    // A name stands for the profile of that name in each of the tenants.
    if (tenant.length === 0) profileIds.push((await findProfile(api, one, undefined)).id);
    for (const within of tenant) profileIds.push((await findProfile(api, one, within)).id);
  }
  return { q, tenantId: tenantIds, platform, state, protection, version, profileId: profileIds, label, view };
}
