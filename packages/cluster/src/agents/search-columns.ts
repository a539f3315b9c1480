import type { Facts } from "@postern/protocol";
import type { Migration } from "../db/migration.ts";
import { toSearchText } from "../db/search-text.ts";
import { agentLimits } from "./limits.ts";
import type { AgentTable } from "./tables.ts";
import { versionOrder } from "./version-order.ts";

/** The columns that the list searches, filters and sorts by; all of them follow from the facts. */
export type SearchColumns = Pick<
  AgentTable,
  "host_name" | "host_name_search" | "agent_version" | "version_order" | "search_text"
>;

export function searchColumns({ hostName, agentVersion, addresses }: Facts): SearchColumns {
  const name = toSearchText(hostName);
  return {
    host_name: hostName,
    host_name_search: name.slice(0, agentLimits.maxSortTextLength),
    agent_version: agentVersion.slice(0, agentLimits.maxVersionLength),
    version_order: versionOrder(agentVersion).slice(0, 2 * agentLimits.maxVersionLength),
    // One to a line: nothing that is searched for goes over the end of one.
    search_text: [name, ...addresses.map(toSearchText)].join("\n"),
  };
}

/** An agent's labels as its row repeats them for the list: each with a line of its own, so that one can be looked for. */
export function labelLine(label: string): string {
  return `\n${label}\n`;
}

/** The labels of such lines. */
export function labelsOfText(lines: string): string[] {
  return lines.split("\n").filter((line) => line !== "");
}

export const searchMigration: Migration = {
  name: "agents-5",
  statements: [
    "alter table agent add column agent_version text not null default ''",
    "alter table agent add column version_order text not null default ''",
    "alter table agent add column search_text text not null default ''",
    "alter table agent add column label_text text not null default ''",
    // Versions sort by their characters, and addresses stand there as JSON, until an agent reports its facts again.
    `update agent set agent_version = facts ->> 'agentVersion', version_order = facts ->> 'agentVersion',
      search_text = host_name_search || '
' || (facts ->> 'addresses')`,
    `update agent set label_text = '
' || (select string_agg(label, '

' order by label) from agent_label where agent_id = agent.id) || '
' where id in (select agent_id from agent_label)`,
    "create index agent_by_host_name on agent (host_name_search, id)",
    "create index agent_by_enrolment on agent (enrolled_at, id)",
  ],
};

/** One narrow index that has all that filters, sorts and counts ask for, so that they need not read the agents themselves. */
export const listedMigration: Migration = {
  name: "agents-6",
  statements: [
    `update agent set host_name_search = substr(host_name_search, 1, 255), agent_version = substr(agent_version, 1, 64),
      version_order = substr(version_order, 1, 128)`,
    `create index agent_listed on agent (tenant_id, platform, agent_version, profile_id, protection_state, standing,
      decommission_at, would_drop_profile_id, applied_rev, revision_lead, assigned_at, version_order, enrolled_at,
      host_name_search, id)`,
  ],
};

/** For what goes through all agents of a tenant, page by page: without it each page would sort all of them again. */
export const inTurnMigration: Migration = {
  name: "agents-8",
  statements: ["create index agent_in_turn on agent (tenant_id, id)"],
};
