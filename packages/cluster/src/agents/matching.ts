import {
  type AliasedExpression,
  type Expression,
  type ExpressionBuilder,
  expressionBuilder,
  type RawBuilder,
  type SelectQueryBuilder,
  type SqlBool,
  sql,
} from "kysely";
import { containsText, toSearchText } from "../db/search-text.ts";
import { withinReach } from "../db/tenant-guard.ts";
import type { Reach } from "../http/access.ts";
import { readSettings } from "../profiles/settings.ts";
import type { ProfileTable } from "../profiles/tables.ts";
import type { Database, Db } from "../schema.ts";
import type { AgentFilter, ProtectionFilter } from "./filters.ts";
import { agentLimits } from "./limits.ts";
import type { ListedAgentTable } from "./listed.ts";
import { endedStandings } from "./protection-gap.ts";
import { labelLine } from "./search-columns.ts";
import type { AgentState } from "./state.ts";

/** What a filter is held against beside the agents themselves. */
export interface MatchContext {
  readonly reach: Reach;
  readonly now: number;
  /** Profiles within reach that switch service protection on; only the view of gaps asks for them. */
  readonly protecting: readonly string[];
}

/**
 * The tables of the list. `agent` is the narrow row of each agent, or some of these; `silent` has the agents that have not
 * been heard of in time.
 */
type Listed = Omit<Database, "agent" | "profile"> & {
  readonly agent: ListedAgentTable;
  readonly profile: Pick<ProfileTable, "id" | "name_search" | "changed_at"> & { readonly is_on: number };
  readonly silent: { readonly agent_id: string };
};
export type AgentQuery<Row> = SelectQueryBuilder<Listed, "agent" | "profile" | "silent", Row>;

/** How it is found out whether an agent is silent. */
export type Silence =
  /** All that are silent are found at once, before the agents are looked at. */
  | "joined"
  /** Those that are, or some of them, where so few are that looking each of them up takes less than looking at all agents. */
  | readonly string[]
  /** Where few agents are looked at: for each of them. */
  | "each";

/** The agents that a filter names, each looked at, with what it needs of their profiles and of who is silent. */
export function selectMatching(
  db: Db,
  filter: AgentFilter,
  context: MatchContext,
  silence: Silence = "joined",
): AgentQuery<object> {
  const all = db.selectFrom("listed_agent as agent") as unknown as AgentQuery<object>;
  // True of all of them: else SQLite takes the index without texts for a shorter way to the texts.
  const isText = filter.q !== undefined || filter.label !== undefined;
  const each = isText ? all.where(sql<SqlBool>`octet_length(agent.search_text) >= 0`) : all;
  return whereMatching(db, each, filter, context, silence);
}

/** The same of a bounded number of agents, which were picked out already. */
export function selectAmong(
  db: Db,
  some: AliasedExpression<ListedAgentTable, "agent">,
  filter: AgentFilter,
  context: MatchContext,
): AgentQuery<object> {
  return whereMatching(db, db.selectFrom(some) as unknown as AgentQuery<object>, filter, context, "each");
}

/** Cuts a query on agents to those that a filter names and their reader may see. */
function whereMatching<Row>(
  db: Db,
  all: AgentQuery<Row>,
  filter: AgentFilter,
  context: MatchContext,
  silence: Silence,
): AgentQuery<Row> {
  const withProfiles = filter.view === "protection_gaps" ? withProfile(db, all, context) : all;
  const isJoined = silence === "joined" && asksForSilence(filter);
  const joined = isJoined ? withSilent(withProfiles, context) : withProfiles;
  return withinReach(joined, "agent.tenant_id", context.reach).where((agent) =>
    agent.and(conditionsOf(agent, filter, context, silence)),
  );
}

function asksForSilence({ state, view }: AgentFilter): boolean {
  return view === "cut_off" || state?.some((one) => one === "active" || one === "inactive") === true;
}

/** Whether all that are asked for are silent, so that it can be begun with those. */
function asksForSilent({ state, view }: AgentFilter): boolean {
  return state === undefined ? view === "cut_off" : state.every((one) => one === "inactive");
}

type Condition = Expression<SqlBool>;
type Builder = ExpressionBuilder<Listed, "agent" | "profile" | "silent">;

/** With each agent's profile. `distinct`, so that they are read once, and before the agents. */
export function withProfile<Row>(db: Db, query: AgentQuery<Row>, { reach, protecting }: MatchContext): AgentQuery<Row> {
  const isOn = expressionBuilder<Database, "profile">()
    .case()
    .when("id", "in", protecting)
    .then(1 as number)
    .else(0)
    .end();
  const profiles = withinReach(db.selectFrom("profile"), "tenant_id", reach)
    .select(["id", "name_search", "changed_at", isOn.as("is_on")])
    .distinct();
  return query.leftJoin(profiles.as("profile"), (join) =>
    join.onRef("profile.id", "=", "agent.profile_id"),
  ) as unknown as AgentQuery<Row>;
}

/** Who is silent is found out once, from the narrow table of presence, and not by a look at it for each agent. */
export function withSilent<Row>(query: AgentQuery<Row>, context: MatchContext): AgentQuery<Row> {
  return query.leftJoin(
    // As above.
    selectSilent(context.now).distinct().as("silent"),
    (join) => join.onRef("silent.agent_id", "=", "agent.id"),
  ) as unknown as AgentQuery<Row>;
}

/** Those that have not been heard of in time. */
export function selectSilent(now: number) {
  return expressionBuilder<Database>()
    .selectFrom("presence")
    .select("presence.agent_id")
    .where("presence.due_at", "<=", now - agentLimits.graceMs);
}

/** What costs little comes first, since an engine that looks at every agent goes on with those that fit so far. */
function conditionsOf(agent: Builder, filter: AgentFilter, { now }: MatchContext, silence: Silence): Condition[] {
  const { tenantId, q, platform, state, protection, version, profileId, label, view } = filter;
  return [
    tenantId && agent("agent.tenant_id", "in", tenantId),
    platform && agent(withoutIndex("platform"), "in", platform),
    version && agent("agent.agent_version", "in", version),
    profileId && agent(withoutIndex("profile_id"), "in", profileId),
    protection && agent.or(protection.map((one) => protectionIs(agent, one))),
    view === undefined ? undefined : agent("agent.standing", "not in", endedStandings),
    view === "cut_off" ? agent("agent.protection_state", "=", "on") : undefined,
    label && agent.or(label.map((one) => containsText("agent.label_text", labelLine(one)))),
    q === undefined ? undefined : isFound(agent, q),
    view === "protection_gaps" ? hasGap(agent) : undefined,
    view === "cut_off" ? isSilent(agent, silence, now) : undefined,
    state && agent.or(state.map((one) => stateIs(agent, one, isSilent(agent, silence, now)))),
  ].filter((condition) => condition !== undefined);
}

function protectionIs(agent: Builder, protection: ProtectionFilter): Condition {
  if (protection === "would_drop") return agent("agent.would_drop_profile_id", "is not", null);
  if (protection === "not_reported") return agent("agent.protection_state", "is", null);
  return agent("agent.protection_state", "=", protection);
}

/** The same as `stateOfAgent`, for the database to decide. */
function stateIs(agent: Builder, state: AgentState, silent: Condition): Condition {
  if (state !== "active" && state !== "inactive") return agent("agent.standing", "=", state);
  return agent.and([agent("agent.standing", "=", "normal"), state === "active" ? agent.not(silent) : silent]);
}

function isSilent(agent: Builder, silence: Silence, now: number): Condition {
  if (silence === "joined") return agent("silent.agent_id", "is not", null);
  if (silence !== "each") return agent("agent.id", "in", silence);
  // As a value: a condition on it would be turned into a look at all of them.
  const dueAt = expressionBuilder<Listed, "agent">()
    .selectFrom("presence")
    .select("presence.due_at")
    .whereRef("presence.agent_id", "=", "agent.id");
  return agent(dueAt, "<=", now - agentLimits.graceMs);
}

/** There are indexes for sorting by it; walking one of them for a value that most agents have takes many times longer. */
function withoutIndex(column: "platform" | "profile_id"): RawBuilder<string> {
  return sql<string>`coalesce(${sql.ref(`agent.${column}`)}, '')`;
}

function isFound(agent: Builder, q: string): Condition {
  const text = toSearchText(q);
  const isIdStart = /^[0-9a-f-]{4,36}$/.test(text);
  // Most of the text is addresses. A word that is in none of them need not be looked for there: that takes twice as long.
  const isInAddresses = /^[0-9a-f.:%/]+$/.test(text);
  return agent.or([
    containsText(isInAddresses ? "agent.search_text" : "agent.host_name_search", text),
    containsText("agent.label_text", text),
    ...(isIdStart ? [agent.and([agent("agent.id", ">=", text), agent("agent.id", "<=", `${text}g`)])] : []),
  ]);
}

/** The same as `protectionGapOf`, for the database to decide. */
function hasGap(agent: Builder): Condition {
  const isWanted = agent.and([agent("profile.is_on", "=", 1), agent("agent.decommission_at", "is", null)]);
  return agent.and([
    agent(withoutIndex("platform"), "=", "windows"),
    agent.or([
      agent("agent.protection_state", "is", null),
      isConfigPending(),
      agent.and([isWanted, agent("agent.protection_state", "!=", "on")]),
      agent.and([agent.not(isWanted), agent("agent.protection_state", "=", "on")]),
    ]),
  ]);
}

/** The opposite of `isConfigApplied`. Asks for the agent's profile beside the agent. */
export function isConfigPending() {
  return sql<SqlBool>`agent.applied_rev <> agent.revision_lead +
    case when profile.changed_at > agent.assigned_at then profile.changed_at else agent.assigned_at end`;
}

/** What to hold a filter against at this moment. */
export async function matchContext(db: Db, reach: Reach, { view }: AgentFilter, now: number): Promise<MatchContext> {
  const profiles = view === "protection_gaps" ? await profilesWithin(db, reach) : [];
  return { reach, now, protecting: profiles.filter(({ isOn }) => isOn).map(({ id }) => id) };
}

/** Those that are silent, where only they are asked for and they are few. */
export async function findFewSilent(db: Db, filter: AgentFilter, now: number): Promise<string[] | null> {
  if (!asksForSilence(filter) || !asksForSilent(filter) || !(await areFewSilent(db, now))) return null;
  const silent = selectSilent(now).limit(agentLimits.fewAgents + 1);
  const rows = await db.selectFrom(silent.as("silent")).select("agent_id").execute();
  return rows.length > agentLimits.fewAgents ? null : rows.map(({ agent_id }) => agent_id);
}

const silenceKnown = new WeakMap<Db, { readonly at: number; readonly few: Promise<boolean> }>();

/** In any tenant: presence knows none. It only decides by which way the answer is found, and so may be some seconds old. */
export function areFewSilent(db: Db, now: number): Promise<boolean> {
  const known = silenceKnown.get(db);
  if (known !== undefined && Math.abs(now - known.at) < agentLimits.silenceKnownMs) return known.few;
  const few = countSome(db, now).then((count) => count <= agentLimits.fewAgents);
  silenceKnown.set(db, { at: now, few });
  few.catch(() => silenceKnown.delete(db));
  return few;
}

async function countSome(db: Db, now: number): Promise<number> {
  const some = selectSilent(now).limit(agentLimits.fewAgents + 1);
  const row = await db
    .selectFrom(some.as("some"))
    .select((agent) => agent.fn.countAll().as("count"))
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** A profile as the list of agents needs it. */
export interface ListedProfile {
  readonly id: string;
  readonly name: string;
  readonly tenant: { readonly id: string; readonly name: string };
  /** Whether it switches service protection on. */
  readonly isOn: boolean;
}

export async function profilesWithin(db: Db, reach: Reach): Promise<ListedProfile[]> {
  const query = db
    .selectFrom("profile")
    .innerJoin("tenant", "tenant.id", "profile.tenant_id")
    .select(["profile.id", "profile.name", "settings", "tenant_id", "tenant.name as tenant_name"]);
  const rows = await withinReach(query, "profile.tenant_id", reach).execute();
  return rows.map(({ id, name, settings, tenant_id, tenant_name }) => ({
    id,
    name,
    tenant: { id: tenant_id, name: tenant_name },
    isOn: readSettings(settings).serviceProtection.on,
  }));
}
