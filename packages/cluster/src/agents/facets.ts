import { type Platform, type ProtectionState, platforms } from "@postern/protocol";
import { sql } from "kysely";
import { withinReach } from "../db/tenant-guard.ts";
import type { Db } from "../schema.ts";
import { type AgentFilter, type AgentView, agentViews, type ProtectionFilter, protectionFilters } from "./filters.ts";
import { agentLimits } from "./limits.ts";
import { type ListedAgentTable, listedColumns } from "./listed.ts";
import {
  type AgentQuery,
  areFewSilent,
  isConfigPending,
  type MatchContext,
  selectMatching,
  selectSilent,
  withProfile,
  withSilent,
} from "./matching.ts";
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

/** Those that are silent are counted once more on their own: with few of them that takes less than asking of each agent. */
async function countGroups(db: Db, filter: AgentFilter, context: MatchContext): Promise<Group[]> {
  const { tenantId, q, label } = filter;
  const base = { ...(tenantId && { tenantId }), ...(q && { q }), ...(label && { label }) };
  const isCut = q !== undefined || label !== undefined;
  const matching = selectMatching(db, base, context);
  const counted = isCut ? setApart(db, matching, context) : matching;
  const agents = withProfile(db, counted, context);
  const silent = (await areFewSilent(db, context.now))
    ? agents.where("agent.id", "in", selectSilent(context.now))
    : withSilent(agents, context).where("silent.agent_id", "is not", null);
  const [all, ofSilent] = await Promise.all([group(agents), group(silent)]);
  const silentOf = new Map(ofSilent.map((row) => [keyOf(row), row]));
  return all.flatMap((row) => {
    const { count = 0, pending: both = 0 } = silentOf.get(keyOf(row)) ?? {};
    const parts = [
      { isPending: true, isSilent: true, count: both },
      { isPending: true, isSilent: false, count: row.pending - both },
      { isPending: false, isSilent: true, count: count - both },
      { isPending: false, isSilent: false, count: row.count - row.pending - count + both },
    ];
    // A part may be less than nothing: an agent has come or gone between the two counts.
    return parts.filter((part) => part.count > 0).map((part) => ({ ...row, ...part }));
  });
}

/** Agents that a text has picked out, found before they are counted: not by a walk along the index that has no texts. */
function setApart(db: Db, matching: AgentQuery<object>, { reach }: MatchContext): AgentQuery<object> {
  const found = (matching as unknown as AgentQuery<ListedAgentTable>)
    .select(listedColumns.map((name) => `agent.${name}` as const))
    .limit(Number.MAX_SAFE_INTEGER);
  return withinReach(db.selectFrom(found.as("agent")) as never, "agent.tenant_id" as never, reach);
}

async function group(agents: AgentQuery<object>) {
  const rows = await agents
    .select(groupedBy)
    .select((agent) => [
      agent.fn.countAll().as("all"),
      sql<number>`sum(case when ${isConfigPending()} then 1 else 0 end)`.as("pending"),
    ])
    .groupBy(groupedBy)
    .execute();
  return rows.map(({ all, pending, ...row }) => ({ ...row, count: Number(all), pending: Number(pending) }));
}

function keyOf(row: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(groupedBy.map((name) => row[name.slice("agent.".length)]));
}

/** By the texts of all labels of each agent: there are far fewer of them than labels of agents. */
async function countLabels(db: Db, filter: AgentFilter, context: MatchContext): Promise<ValueCount<string>[]> {
  const { label: _, ...others } = filter;
  if (Object.keys(others).every((name) => name === "tenantId")) return countAllLabels(db, context);
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

/** In the order of an index, where nothing but the reach cuts them. */
async function countAllLabels(db: Db, { reach }: MatchContext): Promise<ValueCount<string>[]> {
  const rows = await withinReach(db.selectFrom("agent_label"), "tenant_id", reach)
    .select((row) => ["tenant_id", "label", row.fn.countAll().as("count")])
    .groupBy(["tenant_id", "label"])
    .execute();
  const counts = new Map<string, number>();
  for (const { label, count } of rows) counts.set(label, (counts.get(label) ?? 0) + Number(count));
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
