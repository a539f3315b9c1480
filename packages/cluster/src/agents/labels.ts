import type { SelectQueryBuilder } from "kysely";
import { dbLimits } from "../db/limits.ts";
import { acrossTenants } from "../db/tenant-guard.ts";
import type { Reach } from "../http/access.ts";
import { Problem } from "../http/problems.ts";
import type { Database, Db, Tx } from "../schema.ts";
import type { AgentFilter } from "./filters.ts";
import { agentLimits } from "./limits.ts";
import { relistAgents } from "./listed.ts";
import { type MatchContext, matchContext, selectMatching } from "./matching.ts";
import { labelLine } from "./search-columns.ts";

/** What becomes of labels: `remove` first, then `add`. */
export interface LabelChange {
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

/** An agent whose labels may change. */
export interface LabelledAgent {
  readonly id: string;
  readonly tenantId: string;
  readonly hostName: string;
}

/** Which agents a change is for: these, or those that a filter names. */
export type AgentSelection = { readonly ids: readonly string[] } | { readonly filter: AgentFilter };

/** An agent's labels before and after a change that does change them. */
export interface Relabelled {
  readonly agent: LabelledAgent;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** The labels of these agents, sorted; an agent without labels has none. */
export async function labelsOf(db: Db, agentIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const labels = new Map<string, string[]>(agentIds.map((id) => [id, []]));
  for (const ids of slices(agentIds)) {
    const ofAgents = db
      .selectFrom("agent_label")
      .select(["agent_id", "label"])
      .where("agent_id", "in", ids)
      .orderBy("label");
    const rows = await acrossTenants(
      ofAgents,
      "labels of agents that were found in their tenants, or within the reach of who asks",
    ).execute();
    for (const { agent_id, label } of rows) labels.get(agent_id)?.push(label);
  }
  return labels;
}

/**
 * The agents that a change of many is for, within reach.
 *
 * @throws {Problem} not_found: one of the ids names nothing within reach; validation_failed: too many agents
 */
export async function selectAgents(
  db: Db,
  reach: Reach,
  selection: AgentSelection,
  now: number,
): Promise<LabelledAgent[]> {
  if ("filter" in selection) {
    const { filter } = selection;
    const rows = await agentsWhere(db, filter, await matchContext(db, reach, filter, now))
      .limit(agentLimits.maxAgentsPerBulkChange + 1)
      .execute();
    if (rows.length > agentLimits.maxAgentsPerBulkChange) throw tooMany();
    return rows;
  }
  const ids = [...new Set(selection.ids)];
  const found: LabelledAgent[] = [];
  for (const some of slices(ids)) {
    const agents = agentsWhere(db, {}, { reach, now, protecting: [] });
    found.push(...(await agents.where("agent.id", "in", some).execute()));
  }
  if (found.length < ids.length) throw new Problem("not_found", "One of the agents is not there.");
  return found;
}

/**
 * Which of the agents a change of labels changes, and how.
 *
 * @throws {Problem} validation_failed: an agent would have too many labels
 */
export async function planLabels(
  db: Db,
  agents: readonly LabelledAgent[],
  { add, remove }: LabelChange,
): Promise<Relabelled[]> {
  const labels = await labelsOf(
    db,
    agents.map(({ id }) => id),
  );
  return agents.flatMap((agent) => {
    const before = labels.get(agent.id) ?? [];
    const after = [...new Set([...before.filter((label) => !remove.includes(label)), ...add])].sort();
    if (after.length > agentLimits.maxLabelsPerAgent) throw tooManyLabels(agent);
    return after.join() === before.join() ? [] : [{ agent, before, after }];
  });
}

/** Stores what {@link planLabels} found in the same transaction. */
export async function storeLabels(tx: Tx, changes: readonly Relabelled[], now: number): Promise<void> {
  for (const [tenantId, ofTenant] of Map.groupBy(changes, ({ agent }) => agent.tenantId)) {
    for (const some of slices(ofTenant)) {
      const ids = some.map(({ agent }) => agent.id);
      await tx.deleteFrom("agent_label").where("tenant_id", "=", tenantId).where("agent_id", "in", ids).execute();
      await tx
        .updateTable("agent")
        // Also when the clock went back: the ETag of an agent's labels must never come twice.
        .set((row) => ({
          labels_changed_at: row
            .case()
            .when("labels_changed_at", ">=", now)
            .then(row("labels_changed_at", "+", 1))
            .else(now)
            .end(),
        }))
        .where("tenant_id", "=", tenantId)
        .where("id", "in", ids)
        .execute();
    }
    const rows = ofTenant.flatMap(({ agent, after }) =>
      after.map((label) => ({ agent_id: agent.id, tenant_id: tenantId, label })),
    );
    for (const some of slices(rows)) await tx.insertInto("agent_label").values(some).execute();
    for (const [text, alike] of Map.groupBy(ofTenant, ({ after }) => after.map(labelLine).join(""))) {
      for (const some of slices(alike)) {
        const ids = some.map(({ agent }) => agent.id);
        await tx
          .updateTable("agent")
          .set({ label_text: text })
          .where("tenant_id", "=", tenantId)
          .where("id", "in", ids)
          .execute();
        await relistAgents(tx, tenantId, ids, { label_text: text });
      }
    }
  }
}

function agentsWhere(db: Db, filter: AgentFilter, context: MatchContext) {
  const listed = selectMatching(db, filter, context) as unknown as SelectQueryBuilder<
    Database & { readonly whole: Database["agent"] },
    "agent",
    object
  >;
  return listed
    .innerJoin("agent as whole", (join) =>
      join.onRef("whole.id", "=", "agent.id").onRef("whole.tenant_id", "=", "agent.tenant_id"),
    )
    .select(["agent.id as id", "agent.tenant_id as tenantId", "whole.host_name as hostName"])
    .orderBy("agent.id");
}

/** Pieces that fit into one statement. */
export function slices<Item>(items: readonly Item[]): Item[][] {
  const size = dbLimits.maxRowsPerStatement;
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

function tooMany(): Problem {
  const detail = `It names more than ${agentLimits.maxAgentsPerBulkChange} agents. Narrow it, and repeat.`;
  return new Problem("validation_failed", undefined, { errors: [{ pointer: "/filter", code: "too_many", detail }] });
}

function tooManyLabels({ hostName }: LabelledAgent): Problem {
  const detail = `${hostName} would have more than ${agentLimits.maxLabelsPerAgent} labels.`;
  return new Problem("validation_failed", undefined, { errors: [{ pointer: "/add", code: "too_many", detail }] });
}
