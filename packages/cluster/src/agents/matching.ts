import { type Expression, type ExpressionBuilder, type SelectQueryBuilder, type SqlBool, sql } from "kysely";
import { containsText, toSearchText } from "../db/search-text.ts";
import { withinReach } from "../db/tenant-guard.ts";
import type { Reach } from "../http/access.ts";
import { readSettings } from "../profiles/settings.ts";
import type { Database, Db } from "../schema.ts";
import type { AgentFilter, ProtectionFilter } from "./filters.ts";
import { agentLimits } from "./limits.ts";
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

/** The tables of the list; `silent` has the agents that have not been heard of in time. */
type Listed = Database & { readonly silent: { readonly agent_id: string } };
export type AgentQuery<Row> = SelectQueryBuilder<Listed, "agent" | "profile" | "silent", Row>;

/** The agents that a filter names, with what it needs of their profiles and of who is silent. */
export function selectMatching(db: Db, filter: AgentFilter, context: MatchContext): AgentQuery<object> {
  return whereMatching(db.selectFrom("agent") as unknown as AgentQuery<object>, filter, context);
}

type Condition = Expression<SqlBool>;
type Builder = ExpressionBuilder<Listed, "agent" | "profile" | "silent">;

/**
 * Cuts a query on agents to those that a filter names and their reader may see.
 *
 * Who is silent is found out once, from the narrow table of presence, and not by a look at it for each agent. Where nothing
 * asks for the profile, both engines leave it out.
 */
export function whereMatching<Row>(all: AgentQuery<Row>, filter: AgentFilter, context: MatchContext): AgentQuery<Row> {
  const withProfiles = all.leftJoin("profile", (join) =>
    join.onRef("profile.id", "=", "agent.profile_id").onRef("profile.tenant_id", "=", "agent.tenant_id"),
  ) as unknown as AgentQuery<Row>;
  const joined = asksForSilence(filter) ? withSilent(withProfiles, context) : withProfiles;
  return withinReach(joined, "agent.tenant_id", context.reach).where((agent) =>
    agent.and(conditionsOf(agent, filter, context)),
  );
}

function asksForSilence({ state, view }: AgentFilter): boolean {
  return view === "cut_off" || state?.some((one) => one === "active" || one === "inactive") === true;
}

export function withSilent<Row>(query: AgentQuery<Row>, { now }: MatchContext): AgentQuery<Row> {
  return query.leftJoin(
    (from) =>
      from
        .selectFrom("presence")
        .select("presence.agent_id")
        // So that it is read as a whole, and before the agents.
        .distinct()
        .where("presence.due_at", "<=", now - agentLimits.graceMs)
        .as("silent"),
    (join) => join.onRef("silent.agent_id", "=", "agent.id"),
  ) as unknown as AgentQuery<Row>;
}

function conditionsOf(agent: Builder, filter: AgentFilter, { protecting }: MatchContext): Condition[] {
  const { tenantId, q, platform, state, protection, version, profileId, label, view } = filter;
  return [
    tenantId && agent("agent.tenant_id", "in", tenantId),
    platform && agent("agent.platform", "in", platform),
    version && agent("agent.agent_version", "in", version),
    profileId && agent("agent.profile_id", "in", profileId),
    protection && agent.or(protection.map((one) => protectionIs(agent, one))),
    label && agent.or(label.map((one) => containsText("agent.label_text", labelLine(one)))),
    q === undefined ? undefined : isFound(agent, q),
    view === "protection_gaps" ? hasGap(agent, protecting) : undefined,
    view === undefined ? undefined : agent("agent.standing", "not in", endedStandings),
    view === "cut_off" ? agent("agent.protection_state", "=", "on") : undefined,
    view === "cut_off" ? agent("silent.agent_id", "is not", null) : undefined,
    state && agent.or(state.map((one) => stateIs(agent, one))),
  ].filter((condition) => condition !== undefined);
}

function protectionIs(agent: Builder, protection: ProtectionFilter): Condition {
  if (protection === "would_drop") return agent("agent.would_drop_profile_id", "is not", null);
  if (protection === "not_reported") return agent("agent.protection_state", "is", null);
  return agent("agent.protection_state", "=", protection);
}

/** The same as `stateOfAgent`, for the database to decide. */
function stateIs(agent: Builder, state: AgentState): Condition {
  if (state !== "active" && state !== "inactive") return agent("agent.standing", "=", state);
  const heard = agent("silent.agent_id", state === "active" ? "is" : "is not", null);
  return agent.and([agent("agent.standing", "=", "normal"), heard]);
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
function hasGap(agent: Builder, protecting: readonly string[]): Condition {
  const isWanted = agent.and([agent("agent.profile_id", "in", protecting), agent("agent.decommission_at", "is", null)]);
  return agent.and([
    agent("agent.platform", "=", "windows"),
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
