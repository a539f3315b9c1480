import { type Expression, type ExpressionBuilder, type SelectQueryBuilder, type SqlBool, sql } from "kysely";
import { containsText, toSearchText } from "../db/search-text.ts";
import { withinReach } from "../db/tenant-guard.ts";
import type { Reach } from "../http/access.ts";
import { readSettings } from "../profiles/settings.ts";
import type { Database, Db } from "../schema.ts";
import type { AgentFilter, ProtectionFilter } from "./filters.ts";
import { agentLimits } from "./limits.ts";
import { labelLine } from "./search-columns.ts";
import type { AgentState } from "./state.ts";

/** What a filter is held against beside the agents themselves. */
export interface MatchContext {
  readonly reach: Reach;
  readonly now: number;
  /** Profiles within reach that switch service protection on; only the view of gaps asks for them. */
  readonly protecting: readonly string[];
}

type Tables = "agent" | "profile";
export type AgentQuery<Row> = SelectQueryBuilder<Database, Tables, Row>;

/** The agents that a filter names, each with its profile. Where nothing asks for the profile, both engines leave it out. */
export function selectMatching(db: Db, filter: AgentFilter, context: MatchContext): AgentQuery<object> {
  return whereMatching(selectAgentsAnywhere(db), filter, context);
}

/** Not cut to anything yet. */
function selectAgentsAnywhere(db: Db): AgentQuery<object> {
  return db
    .selectFrom("agent")
    .leftJoin("profile", (join) =>
      join.onRef("profile.id", "=", "agent.profile_id").onRef("profile.tenant_id", "=", "agent.tenant_id"),
    ) as unknown as AgentQuery<object>;
}

type Condition = Expression<SqlBool>;
type Builder = ExpressionBuilder<Database, Tables>;

/** The agents that a filter names, cut to what their reader may see. */
export function whereMatching<Row>(all: AgentQuery<Row>, filter: AgentFilter, context: MatchContext): AgentQuery<Row> {
  return withinReach(all, "agent.tenant_id", context.reach).where((agent) =>
    agent.and(conditionsOf(agent, filter, context)),
  );
}

function conditionsOf(agent: Builder, filter: AgentFilter, { now, protecting }: MatchContext): Condition[] {
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
    view === "cut_off" ? agent("agent.protection_state", "=", "on") : undefined,
    view === "cut_off" ? isHeard(agent, false, now) : undefined,
    state && agent.or(state.map((one) => stateIs(agent, one, now))),
  ].filter((condition) => condition !== undefined);
}

function protectionIs(agent: Builder, protection: ProtectionFilter): Condition {
  if (protection === "would_drop") return agent("agent.would_drop_profile_id", "is not", null);
  if (protection === "not_reported") return agent("agent.protection_state", "is", null);
  return agent("agent.protection_state", "=", protection);
}

/** The same as `stateOfAgent`, for the database to decide. */
function stateIs(agent: Builder, state: AgentState, now: number): Condition {
  if (state !== "active" && state !== "inactive") return agent("agent.standing", "=", state);
  return agent.and([agent("agent.standing", "=", "normal"), isHeard(agent, state === "active", now)]);
}

function isHeard(agent: Builder, isHeard: boolean, now: number): Condition {
  return agent.exists(
    agent
      .selectFrom("presence")
      .select("presence.agent_id")
      .whereRef("presence.agent_id", "=", "agent.id")
      .where("presence.due_at", isHeard ? ">" : "<=", now - agentLimits.graceMs),
  );
}

function isFound(agent: Builder, q: string): Condition {
  const text = toSearchText(q);
  const isIdStart = /^[0-9a-f-]{4,36}$/.test(text);
  return agent.or([
    containsText("agent.search_text", text),
    containsText("agent.label_text", text),
    ...(isIdStart ? [agent.and([agent("agent.id", ">=", text), agent("agent.id", "<=", `${text}g`)])] : []),
  ]);
}

/** The same as `protectionGapOf`, for the database to decide. */
function hasGap(agent: Builder, protecting: readonly string[]): Condition {
  const wanted = agent("agent.profile_id", "in", protecting);
  return agent.and([
    agent("agent.platform", "=", "windows"),
    agent.or([
      agent("agent.protection_state", "is", null),
      isConfigPending(),
      agent.and([wanted, agent("agent.protection_state", "!=", "on")]),
      agent.and([agent("agent.profile_id", "not in", protecting), agent("agent.protection_state", "=", "on")]),
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
