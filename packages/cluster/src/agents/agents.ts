import { onPage } from "../db/keyset.ts";
import type { Reach } from "../http/access.ts";
import type { PageRequest } from "../http/paging.ts";
import { type ProfileSettings, readSettings } from "../profiles/settings.ts";
import type { Db } from "../schema.ts";
import type { RevisionSources } from "./desired-revision.ts";
import { type AgentFilter, whereMatching } from "./filters.ts";
import type { AgentTable, PresenceTable } from "./tables.ts";

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
  const query = whereMatching(
    db.selectFrom("agent").innerJoin("presence", "presence.agent_id", "agent.id").selectAll(),
    reach,
    filter,
    now,
  );
  return onPage(query, { key, id: "id" }, { direction, after, limit }).execute();
}

export function positionOfAgent(row: ListedAgent, field: AgentSortField): { key: string | number; id: string } {
  return { key: row[sortColumns[field]], id: row.id };
}
