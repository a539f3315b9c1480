import type { Platform, ProtectionState } from "@postern/protocol";
import { sql } from "kysely";
import { afterPosition } from "../db/keyset.ts";
import { containsText } from "../db/search-text.ts";
import type { Reach } from "../http/access.ts";
import type { PageRequest } from "../http/paging.ts";
import { type ProfileSettings, readSettings } from "../profiles/settings.ts";
import type { Db } from "../schema.ts";
import type { RevisionSources } from "./desired-revision.ts";
import { agentLimits } from "./limits.ts";
import type { AgentTable, PresenceTable } from "./tables.ts";

export const agentStates = ["active", "inactive"] as const;
export type AgentState = (typeof agentStates)[number];

/** Whether an agent is heard of as often as it should be. */
export function stateOfAgent({ due_at }: Pick<PresenceTable, "due_at">, now: number): AgentState {
  return now < due_at + agentLimits.graceMs ? "active" : "inactive";
}

/** An agent with what the cluster wants of it. */
export interface KnownAgent {
  readonly agent: AgentTable;
  readonly presence: PresenceTable;
  readonly profile: { readonly id: string; readonly name: string; readonly settings: ProfileSettings };
  readonly tenantName: string;
  /** What the revision of its desired config comes from. */
  readonly revision: RevisionSources;
}

/** An agent whose tenant is still to be compared with the reach of who asks, or whose signature is still to be verified. */
export async function findAgentAnywhere(db: Db, id: string): Promise<KnownAgent | undefined> {
  const row = await db
    .selectFrom("agent")
    .innerJoin("presence", "presence.agent_id", "agent.id")
    .innerJoin("profile", "profile.id", "agent.profile_id")
    .innerJoin("tenant", "tenant.id", "agent.tenant_id")
    .selectAll("agent")
    .select(["agent_id", "boot", "n", "seen_at", "due_at"])
    .select(["profile.name as profile_name", "profile.settings", "profile.changed_at", "tenant.name as tenant_name"])
    .where("agent.id", "=", id)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { agent_id, boot, n, seen_at, due_at, profile_name, settings, changed_at, tenant_name, ...agent } = row;
  return {
    agent,
    presence: { agent_id, boot, n, seen_at, due_at },
    profile: { id: agent.profile_id, name: profile_name, settings: readSettings(settings) },
    tenantName: tenant_name,
    revision: { profileChangedAt: changed_at, assignedAt: agent.assigned_at, revisionLead: agent.revision_lead },
  };
}

export interface AgentFilter {
  /** Part of the host name. */
  readonly q?: string;
  readonly platform?: Platform;
  readonly state?: AgentState;
  readonly protection?: ProtectionState;
}

export const agentSortFields = ["hostName", "enrolledAt", "seenAt"] as const;
export type AgentSortField = (typeof agentSortFields)[number];
const sortColumns = { hostName: "host_name_search", enrolledAt: "enrolled_at", seenAt: "seen_at" } as const;

export type ListedAgent = AgentTable & PresenceTable;

/** At most `limit + 1` agents within reach. */
export async function listAgents(
  db: Db,
  reach: Reach,
  filter: AgentFilter,
  { field, direction, after, limit }: PageRequest<AgentSortField>,
  now: number,
): Promise<ListedAgent[]> {
  const key = sortColumns[field];
  let query = db.selectFrom("agent").innerJoin("presence", "presence.agent_id", "agent.id").selectAll();
  if (reach !== "everywhere") query = query.where("tenant_id", "in", [...reach]);
  if (filter.q !== undefined) query = query.where(containsText("host_name_search", filter.q));
  if (filter.platform !== undefined) query = query.where("platform", "=", filter.platform);
  if (filter.protection !== undefined) query = query.where("protection_state", "=", filter.protection);
  if (filter.state !== undefined) {
    const limitOfActive = now - agentLimits.graceMs;
    query = query.where("due_at", filter.state === "active" ? ">" : "<=", limitOfActive);
  }
  if (after !== null) query = query.where(afterPosition({ key, id: "id" }, direction, after));
  return query
    .orderBy(sql.ref(key), direction)
    .orderBy("id", direction)
    .limit(limit + 1)
    .execute();
}

export function positionOfAgent(row: ListedAgent, field: AgentSortField): { key: string | number; id: string } {
  return { key: row[sortColumns[field]], id: row.id };
}
