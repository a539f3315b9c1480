import type { ProtectionState } from "@postern/protocol";
import type { Migration } from "../db/migration.ts";
import type { Tx } from "../schema.ts";
import type { AgentTable } from "./tables.ts";

/** The columns of an agent that its list is made of: what it is searched, filtered, sorted and counted by. */
export const listedColumns = [
  "id",
  "tenant_id",
  "platform",
  "agent_version",
  "profile_id",
  "protection_state",
  "standing",
  "decommission_at",
  "would_drop_profile_id",
  "applied_rev",
  "revision_lead",
  "assigned_at",
  "enrolled_at",
  "version_order",
  "host_name_search",
  "label_text",
  "search_text",
] as const satisfies readonly (keyof AgentTable)[];

/**
 * An agent once more, as narrow as its list needs it. Neither engine can know by an index which agents hold a word, or are
 * silent, so many questions look at every agent; and a row of `agent` is mostly what only its detail shows.
 */
export interface ListedAgentTable extends Pick<AgentTable, (typeof listedColumns)[number]> {
  protection_order: number;
}

export interface ListedTables {
  listed_agent: ListedAgentTable;
}

/** Enters a new agent into the list. It leaves the list by itself, when its own row is deleted. */
export async function listAgent(tx: Tx, agent: AgentTable): Promise<void> {
  await tx.insertInto("listed_agent").values(listedRow(agent)).execute();
}

export function listedRow(agent: Omit<ListedAgentTable, "protection_order">): ListedAgentTable {
  const columns = Object.fromEntries(listedColumns.map((name) => [name, agent[name]]));
  return { ...columns, protection_order: protectionOrder(agent.protection_state) } as ListedAgentTable;
}

/** Repeats in the list what was changed of some agents, in the same transaction. At most 500. */
export async function relistAgents(
  tx: Tx,
  tenantId: string,
  ids: readonly string[],
  changes: Partial<AgentTable>,
): Promise<void> {
  const columns = Object.fromEntries(
    listedColumns.filter((name) => changes[name] !== undefined).map((name) => [name, changes[name]]),
  );
  if (Object.keys(columns).length === 0 || ids.length === 0) return;
  const { protection_state: state } = changes;
  const order = state === undefined ? {} : { protection_order: protectionOrder(state) };
  await tx
    .updateTable("listed_agent")
    .set({ ...columns, ...order } as Partial<ListedAgentTable>)
    .where("tenant_id", "=", tenantId)
    .where("id", "in", ids)
    .execute();
}

/** From what protects least to what cannot be protected. */
function protectionOrder(state: ProtectionState | null): number {
  const order = state === null ? 0 : ["off", "lifted", "on"].indexOf(state) + 1;
  return order === 0 && state !== null ? 4 : order;
}

const sorts = {
  host_name: "host_name_search",
  enrolment: "enrolled_at",
  platform: "platform",
  version: "version_order",
  protection: "protection_order",
} as const;

export const narrowMigration: Migration = {
  name: "agents-11",
  statements: [
    // PostgreSQL finds a column by going over those before it: numbers, and what most questions look at, come first.
    `create table listed_agent (
      enrolled_at int8 not null, assigned_at int8 not null, applied_rev int8 not null, revision_lead int8 not null,
      protection_order int8 not null, protection_state text, platform text not null, standing text not null,
      agent_version text not null, host_name_search text not null, label_text text not null, search_text text not null,
      profile_id text not null, version_order text not null, tenant_id text not null,
      id text not null references agent (id) on delete cascade, decommission_at int8, would_drop_profile_id text,
      primary key (tenant_id, id)
    ) clustered`,
    `insert into listed_agent (${listedColumns.join(", ")}, protection_order)
      select ${listedColumns.join(", ")}, case when protection_state is null then 0 when protection_state = 'off' then 1
        when protection_state = 'lifted' then 2 when protection_state = 'on' then 3 else 4 end
      from agent order by tenant_id, id`,
    "create unique index listed_by_id on listed_agent (id)",
    // In the order of each sort, of all tenants and of one.
    ...Object.entries(sorts).flatMap(([name, column]) => [
      `create index listed_by_${name} on listed_agent (${column}, id)`,
      `create index listed_of_tenant_by_${name} on listed_agent (tenant_id, ${column}, id)`,
    ]),
    "create index listed_by_profile on listed_agent (tenant_id, profile_id, id)",
    // All but the texts that are searched, in the order of the groups that are counted.
    `create index listed_without_texts on listed_agent (tenant_id, platform, agent_version, profile_id, protection_state,
      standing, decommission_at, would_drop_profile_id, applied_rev, revision_lead, assigned_at, version_order,
      enrolled_at, protection_order, host_name_search, id)`,
    "drop index agent_listed",
    "drop index agent_by_host_name",
    "drop index agent_by_enrolment",
    "drop index agent_enrolled",
  ],
};
