import { acrossTenants, withinReach } from "../db/tenant-guard.ts";
import type { Reach } from "../http/access.ts";
import { type ProfileSettings, readSettings } from "../profiles/settings.ts";
import type { Db } from "../schema.ts";
import type { RevisionSources } from "./desired-revision.ts";
import type { AgentTable, PresenceTable } from "./tables.ts";

/** An agent with what the cluster wants of it. */
export interface KnownAgent {
  readonly agent: AgentTable;
  readonly presence: PresenceTable;
  readonly profile: { readonly id: string; readonly name: string; readonly settings: ProfileSettings };
  readonly tenantName: string;
  /** What the revision of its desired config comes from. */
  readonly revision: RevisionSources;
  /** Unix ms of the profile's last edit by somebody; what else changes what it tells is not one. */
  readonly profileEditedAt: number;
}

/** An agent whose tenant is still to be compared with the reach of who asks, or whose signature is still to be verified. */
export async function findAgentAnywhere(db: Db, id: string): Promise<KnownAgent | undefined> {
  const row = await acrossTenants(
    selectKnown(db).where("agent.id", "=", id),
    "found by its id; its tenant is compared with the reach of who asks, or its signature verified",
  ).executeTakeFirst();
  return row === undefined ? undefined : toKnown(row);
}

/** The agents with these ids that are within reach, in the order of the ids. At most 500. */
export async function findAgents(db: Db, reach: Reach, ids: readonly string[]): Promise<KnownAgent[]> {
  if (ids.length === 0) return [];
  const rows = await withinReach(selectKnown(db).where("agent.id", "in", ids), "agent.tenant_id", reach).execute();
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.flatMap((id) => {
    const row = byId.get(id);
    return row === undefined ? [] : [toKnown(row)];
  });
}

function selectKnown(db: Db) {
  return db
    .selectFrom("agent")
    .innerJoin("presence", "presence.agent_id", "agent.id")
    .innerJoin("profile", (join) =>
      join.onRef("profile.id", "=", "agent.profile_id").onRef("profile.tenant_id", "=", "agent.tenant_id"),
    )
    .innerJoin("tenant", "tenant.id", "agent.tenant_id")
    .selectAll("agent")
    .select(["agent_id", "boot", "n", "seen_at", "due_at"])
    .select(["profile.name as profile_name", "profile.settings", "profile.changed_at", "profile.edited_at"])
    .select(["tenant.name as tenant_name"]);
}

type KnownRow = Awaited<ReturnType<ReturnType<typeof selectKnown>["execute"]>>[number];

function toKnown(row: KnownRow): KnownAgent {
  const { agent_id, boot, n, seen_at, due_at, profile_name, settings, changed_at, edited_at, tenant_name, ...agent } =
    row;
  return {
    agent,
    presence: { agent_id, boot, n, seen_at, due_at },
    profile: { id: agent.profile_id, name: profile_name, settings: readSettings(settings) },
    tenantName: tenant_name,
    revision: { profileChangedAt: changed_at, assignedAt: agent.assigned_at, revisionLead: agent.revision_lead },
    profileEditedAt: edited_at,
  };
}
