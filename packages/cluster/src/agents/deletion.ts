import type { Audit } from "../audit/record.ts";
import type { ChangePublisher } from "../change-feed.ts";
import { toRfc3339 } from "../clock.ts";
import type { Origin } from "../http/origin.ts";
import type { Tx } from "../schema.ts";
import type { KnownAgent } from "./agents.ts";
import type { TombstoneTable } from "./tables.ts";

/** Why, where somebody says so; `details` are the caller's own. */
export interface DeletionCause {
  readonly origin: Origin;
  readonly why?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * Deletes an agent and leaves its tombstone. The agent is told nothing that would lift its protection: if it runs on, it
 * keeps what it has, its check-ins are refused from now on, and a token can still be generated for it.
 *
 * Tokens, redemptions, journal and audit entries stay; labels and what its enrolment needed go.
 */
export async function deleteAgent(
  tx: Tx,
  audit: Audit,
  feed: ChangePublisher,
  known: KnownAgent,
  { origin, why, details }: DeletionCause,
  now: number,
): Promise<void> {
  const { agent } = known;
  const { id, tenant_id: tenantId, host_name: name } = agent;
  await tx
    .insertInto("tombstone")
    .values(toTombstone(known, origin.who.name, now))
    .execute();
  await tx.deleteFrom("agent_label").where("tenant_id", "=", tenantId).where("agent_id", "=", id).execute();
  await tx.deleteFrom("enrolment").where("agent_id", "=", id).execute();
  await tx.deleteFrom("presence").where("agent_id", "=", id).execute();
  await tx.deleteFrom("agent").where("tenant_id", "=", tenantId).where("id", "=", id).execute();
  audit.record(tx, {
    tenantId,
    action: "agent.delete",
    outcome: "done",
    origin,
    target: { kind: "agent", id, name },
    ...(why !== undefined && { why }),
    details: {
      platform: agent.platform,
      protection: agent.protection_state,
      seenAt: toRfc3339(known.presence.seen_at),
      trustBundle: agent.bundle_ver,
      ...details,
    },
  });
  feed.publish(tx, { kind: "assignment", tenantId, agentId: id }); // ends the check-in that is held
}

function toTombstone({ agent, presence, profile }: KnownAgent, deletedBy: string, now: number): TombstoneTable {
  const { liftSeconds, requireChallenge } = profile.settings.serviceProtection;
  return {
    id: agent.id,
    tenant_id: agent.tenant_id,
    platform: agent.platform,
    host_name: agent.host_name,
    host_name_search: agent.host_name_search,
    identity_key: agent.identity_key,
    identity_thumbprint: agent.identity_thumbprint,
    enrolled_at: agent.enrolled_at,
    seen_at: presence.seen_at,
    protection_state: agent.protection_state,
    bundle_ver: agent.bundle_ver,
    lift_seconds: liftSeconds,
    require_challenge: requireChallenge ? 1 : 0,
    decommissioned: agent.standing === "decommissioned" ? 1 : 0,
    deleted_at: now,
    deleted_by: deletedBy,
  };
}
