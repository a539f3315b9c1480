import { type Platform, type ProtectionState, platforms } from "@postern/protocol";
import { sql } from "kysely";
import type { Db } from "../schema.ts";
import { type AgentFilter, type AgentView, agentViews, type ProtectionFilter, protectionFilters } from "./filters.ts";
import { agentLimits } from "./limits.ts";
import { isConfigPending, type MatchContext, selectMatching } from "./matching.ts";
import { protectionGapOf } from "./protection-gap.ts";
import { type AgentState, agentStates } from "./state.ts";

export interface ValueCount<Value> {
  readonly value: Value;
  readonly count: number;
}

/** How many agents each value of each filter would leave. */
export interface Facets {
  readonly total: number;
  readonly platform: ValueCount<Platform>[];
  readonly state: ValueCount<AgentState>[];
  readonly protection: ValueCount<ProtectionFilter>[];
  readonly view: ValueCount<AgentView>[];
  /** The most frequent ones, as are the two that follow. */
  readonly version: ValueCount<string>[];
  readonly profileId: ValueCount<string>[];
  readonly label: ValueCount<string>[];
}

/**
 * Counts the agents that a filter names by the values of each filter. A facet's own filter is left out of its counts: so
 * they say what else could be chosen.
 */
export async function countFacets(db: Db, filter: AgentFilter, context: MatchContext): Promise<Facets> {
  const groups = await countGroups(db, filter, context);
  const fit = fitsOf(filter, context);
  const without = (facet: Facet) => groups.filter((group) => facets.every((one) => one === facet || fit[one](group)));
  const countBy = <Value>(facet: Facet, values: readonly Value[], has: (group: Group, value: Value) => boolean) => {
    const counted = without(facet);
    return values.map((value) => ({ value, count: sumOf(counted.filter((group) => has(group, value))) }));
  };
  return {
    total: sumOf(groups.filter((group) => facets.every((one) => fit[one](group)))),
    platform: countBy("platform", platforms, (group, value) => group.platform === value),
    state: countBy("state", agentStates, (group, value) => stateOf(group) === value),
    protection: countBy("protection", protectionFilters, hasProtection),
    view: countBy("view", agentViews, (group, value) => isInView(group, value, context)),
    version: tally(without("version"), ({ agent_version }) => agent_version),
    profileId: tally(without("profileId"), ({ profile_id }) => profile_id),
    label: await countLabels(db, filter, context),
  };
}

/** Agents that no filter but those for search, tenant and label tells apart. */
interface Group {
  readonly platform: Platform;
  readonly protection_state: ProtectionState | null;
  readonly would_drop: number;
  readonly agent_version: string;
  readonly profile_id: string;
  readonly pending: number;
  readonly silent: number;
  readonly count: number;
}

const facets = ["platform", "state", "protection", "view", "version", "profileId"] as const;
type Facet = (typeof facets)[number];

async function countGroups(db: Db, filter: AgentFilter, context: MatchContext): Promise<Group[]> {
  const { tenantId, q, label } = filter;
  const base = { ...(tenantId && { tenantId }), ...(q && { q }), ...(label && { label }) };
  const lastHeard = context.now - agentLimits.graceMs;
  const rows = await selectMatching(db, base, context)
    .innerJoin("presence", "presence.agent_id", "agent.id")
    .select(["agent.platform", "agent.protection_state", "agent.agent_version", "agent.profile_id"])
    .select([
      sql<number>`case when agent.would_drop_profile_id is null then 0 else 1 end`.as("would_drop"),
      sql<number>`case when ${isConfigPending()} then 1 else 0 end`.as("pending"),
      sql<number>`case when presence.due_at <= ${lastHeard} then 1 else 0 end`.as("silent"),
      (agent) => agent.fn.countAll<number>().as("count"),
    ])
    .groupBy(["agent.platform", "agent.protection_state", "agent.agent_version", "agent.profile_id"])
    .groupBy(["would_drop", "pending", "silent"])
    .execute();
  return rows.map((row) => ({ ...row, count: Number(row.count) }));
}

async function countLabels(db: Db, filter: AgentFilter, context: MatchContext): Promise<ValueCount<string>[]> {
  const { label: _, ...others } = filter;
  const rows = await selectMatching(db, others, context)
    .innerJoin("agent_label", (join) =>
      join.onRef("agent_label.agent_id", "=", "agent.id").onRef("agent_label.tenant_id", "=", "agent.tenant_id"),
    )
    .select(["agent_label.label", (agent) => agent.fn.countAll<number>().as("count")])
    .groupBy("agent_label.label")
    .orderBy("count", "desc")
    .orderBy("agent_label.label")
    .limit(agentLimits.maxFacetValues)
    .execute();
  return rows.map(({ label, count }) => ({ value: label, count: Number(count) }));
}

function fitsOf(filter: AgentFilter, context: MatchContext): Record<Facet, (group: Group) => boolean> {
  const { platform, state, protection, view, version, profileId } = filter;
  return {
    platform: (group) => platform?.includes(group.platform) ?? true,
    state: (group) => state?.includes(stateOf(group)) ?? true,
    protection: (group) => protection?.some((one) => hasProtection(group, one)) ?? true,
    view: (group) => view === undefined || isInView(group, view, context),
    version: (group) => version?.includes(group.agent_version) ?? true,
    profileId: (group) => profileId?.includes(group.profile_id) ?? true,
  };
}

function stateOf({ silent }: Group): AgentState {
  return silent === 1 ? "inactive" : "active";
}

function hasProtection({ protection_state, would_drop }: Group, value: ProtectionFilter): boolean {
  if (value === "would_drop") return would_drop === 1;
  return value === (protection_state ?? "not_reported");
}

function isInView(group: Group, view: AgentView, { protecting }: MatchContext): boolean {
  const { platform, protection_state: protection, profile_id, pending, silent } = group;
  if (view === "cut_off") return protection === "on" && silent === 1;
  const isWanted = protecting.includes(profile_id);
  const gap = { platform, protection, isApplied: pending === 0, hasRefused: false, isWanted };
  return protectionGapOf(gap) !== null;
}

function tally(groups: readonly Group[], readValue: (group: Group) => string): ValueCount<string>[] {
  return [...Map.groupBy(groups, readValue)]
    .map(([value, some]) => ({ value, count: sumOf(some) }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
    .slice(0, agentLimits.maxFacetValues);
}

function sumOf(groups: readonly Group[]): number {
  return groups.reduce((sum, { count }) => sum + count, 0);
}
