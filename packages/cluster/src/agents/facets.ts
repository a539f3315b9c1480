import { type Platform, type ProtectionState, platforms } from "@postern/protocol";
import { type Expression, type SqlBool, sql } from "kysely";
import type { Db } from "../schema.ts";
import { type AgentFilter, type AgentView, agentViews, type ProtectionFilter, protectionFilters } from "./filters.ts";
import { agentLimits } from "./limits.ts";
import { isConfigPending, type MatchContext, selectMatching, withSilent } from "./matching.ts";
import { endedStandings, protectionGapOf } from "./protection-gap.ts";
import { labelsOfText } from "./search-columns.ts";
import { type AgentState, agentStates } from "./state.ts";
import type { Standing } from "./tables.ts";

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
  readonly would_drop_profile_id: string | null;
  readonly decommission_at: number | null;
  readonly standing: Standing;
  readonly agent_version: string;
  readonly profile_id: string;
  readonly isPending: boolean;
  readonly isSilent: boolean;
  readonly count: number;
}

const facets = ["platform", "state", "protection", "view", "version", "profileId"] as const;
type Facet = (typeof facets)[number];

/** In the order of an index, so that a database that cannot group by hashing need not sort. */
const groupedBy = [
  "agent.tenant_id",
  "agent.platform",
  "agent.agent_version",
  "agent.profile_id",
  "agent.protection_state",
  "agent.standing",
  "agent.decommission_at",
  "agent.would_drop_profile_id",
] as const;

async function countGroups(db: Db, filter: AgentFilter, context: MatchContext): Promise<Group[]> {
  const { tenantId, q, label } = filter;
  const base = { ...(tenantId && { tenantId }), ...(q && { q }), ...(label && { label }) };
  const rows = await withSilent(selectMatching(db, base, context), context)
    .select(groupedBy)
    .select((agent) => [
      agent.fn.countAll().as("all"),
      sum(isConfigPending()).as("pending"),
      sum(isSilent).as("silent"),
      sum(sql<SqlBool>`${isSilent} and ${isConfigPending()}`).as("both"),
    ])
    .groupBy(groupedBy)
    .execute();
  return rows.flatMap((row) => {
    const [all, pending, silent, both] = [row.all, row.pending, row.silent, row.both].map(Number) as [
      number,
      number,
      number,
      number,
    ];
    const parts = [
      { isPending: true, isSilent: true, count: both },
      { isPending: true, isSilent: false, count: pending - both },
      { isPending: false, isSilent: true, count: silent - both },
      { isPending: false, isSilent: false, count: all - pending - silent + both },
    ];
    return parts.filter(({ count }) => count > 0).map((part) => ({ ...row, ...part }));
  });
}

const isSilent = sql<SqlBool>`silent.agent_id is not null`;

function sum(condition: Expression<SqlBool>) {
  return sql<number>`sum(case when ${condition} then 1 else 0 end)`;
}

/** By the texts of all labels of each agent: there are far fewer of them than labels of agents. */
async function countLabels(db: Db, filter: AgentFilter, context: MatchContext): Promise<ValueCount<string>[]> {
  const { label: _, ...others } = filter;
  const rows = await selectMatching(db, others, context)
    .select(["agent.label_text", (agent) => agent.fn.countAll().as("count")])
    .where("agent.label_text", "!=", "")
    .groupBy("agent.label_text")
    .execute();
  const counts = new Map<string, number>();
  for (const { label_text, count } of rows) {
    for (const label of labelsOfText(label_text)) counts.set(label, (counts.get(label) ?? 0) + Number(count));
  }
  return mostFrequent(counts);
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

function stateOf({ standing, isSilent }: Group): AgentState {
  if (standing !== "normal") return standing;
  return isSilent ? "inactive" : "active";
}

function hasProtection({ protection_state, would_drop_profile_id }: Group, value: ProtectionFilter): boolean {
  if (value === "would_drop") return would_drop_profile_id !== null;
  return value === (protection_state ?? "not_reported");
}

function isInView(group: Group, view: AgentView, { protecting }: MatchContext): boolean {
  const { standing, platform, protection_state: protection, profile_id, decommission_at, isPending, isSilent } = group;
  if (view === "cut_off") return protection === "on" && isSilent && !endedStandings.includes(standing);
  const isWanted = protecting.includes(profile_id) && decommission_at === null;
  const gap = { standing, platform, protection, isApplied: !isPending, hasRefused: false, isWanted };
  return protectionGapOf(gap) !== null;
}

function tally(groups: readonly Group[], readValue: (group: Group) => string): ValueCount<string>[] {
  const counts = new Map<string, number>();
  for (const group of groups) counts.set(readValue(group), (counts.get(readValue(group)) ?? 0) + group.count);
  return mostFrequent(counts);
}

function mostFrequent(counts: ReadonlyMap<string, number>): ValueCount<string>[] {
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
    .slice(0, agentLimits.maxFacetValues);
}

function sumOf(groups: readonly Group[]): number {
  return groups.reduce((sum, { count }) => sum + count, 0);
}
