import type { AgentIdentity, CheckIn, Facts } from "@postern/protocol";
import type { PublicJwk } from "@postern/token";
import type { Audit } from "../audit/record.ts";
import { toRfc3339 } from "../clock.ts";
import { acrossTenants } from "../db/tenant-guard.ts";
import { intentListOf } from "../profiles/intents.ts";
import { type IntentList, resolveProfile } from "../profiles/resolve-profile.ts";
import { readSettings } from "../profiles/settings.ts";
import type { Tx } from "../schema.ts";
import { insertAgent } from "./admission.ts";
import { isKeyOfTombstone } from "./tombstones.ts";

/** An agent that nothing is known of, and the cluster's own signature that there was one. */
export interface LostAgent {
  readonly identity: AgentIdentity;
  readonly identityKey: { readonly jwk: PublicJwk; readonly thumbprint: string };
  readonly facts: Facts;
  readonly protection: CheckIn["protection"];
}

/**
 * Rebuilds the row of an agent that the database has lost, as after the restore of a backup from before its enrolment,
 * and marks it `restored`. Its labels are gone. Nothing that it reports weakens it: one that is protected keeps a protecting
 * profile of its tenant, if there is any, until a user confirms another; and if there is none, its protection is kept on
 * until a user changes the profile or the assignment.
 *
 * @returns false when it cannot be: its tenant is not there, or it was deleted, or another agent has its key
 */
export async function restoreAgent(tx: Tx, audit: Audit, lost: LostAgent, now: number): Promise<boolean> {
  const { identity, identityKey, facts } = lost;
  const { sub: id, tid: tenantId } = identity;
  const tenant = await tx.selectFrom("tenant").select("id").where("id", "=", tenantId).executeTakeFirst();
  if (tenant === undefined || (await isTaken(tx, id, identityKey.thumbprint))) return false;
  const { profileId, wouldDropTo, keptOnAt } = await placeRestored(tx, tenantId, lost, now);
  const enrolledAt = Math.min(identity.iat * 1000, now);
  await insertAgent(tx, { id, tenantId, identityKey, facts, enrolledAt, profileId }, now, {
    standing: "restored",
    standing_since: now,
    kept_on_at: keptOnAt,
    ...(wouldDropTo !== null && { would_drop_profile_id: wouldDropTo, would_drop_since: now }),
  });
  audit.record(tx, {
    tenantId,
    action: "agent.restore",
    outcome: "done",
    origin: { who: { kind: "agent", id, name: facts.hostName }, address: null, requestId: null },
    target: { kind: "agent", id, name: facts.hostName },
    details: {
      platform: facts.platform,
      protection: lost.protection.state,
      ...(keptOnAt !== null && { protectionKept: true }),
      enrolledAt: toRfc3339(enrolledAt),
      identityThumbprint: identityKey.thumbprint,
    },
  });
  return true;
}

/** Whether this id, or this key, is or was an agent's already. */
async function isTaken(tx: Tx, id: string, thumbprint: string): Promise<boolean> {
  const why = "the cluster's own signature names the agent, whatever its tenant";
  const agents = tx
    .selectFrom("agent")
    .select("id")
    .where((row) =>
      row.or([
        row("id", "=", id),
        row("identity_thumbprint", "=", thumbprint),
        row("next_identity_thumbprint", "=", thumbprint),
      ]),
    );
  if ((await acrossTenants(agents, why).executeTakeFirst()) !== undefined) return true;
  const tombstones = tx.selectFrom("tombstone").select("id").where("id", "=", id);
  if ((await acrossTenants(tombstones, why).executeTakeFirst()) !== undefined) return true;
  return isKeyOfTombstone(tx, thumbprint);
}

async function placeRestored(
  tx: Tx,
  tenantId: string,
  { facts, protection }: LostAgent,
  now: number,
): Promise<{ profileId: string; wouldDropTo: string | null; keptOnAt: number | null }> {
  const list = await intentListOf(tx, tenantId);
  const resolved = resolveProfile(facts, [], list);
  const asResolved = { profileId: resolved, wouldDropTo: null, keptOnAt: null };
  if (facts.platform !== "windows" || (protection.state !== "on" && protection.state !== "lifted")) return asResolved;
  const protecting = await protectingProfiles(tx, tenantId);
  if (protecting.has(resolved)) return asResolved;
  const profileId = inOrder(list).find((one) => protecting.has(one)) ?? [...protecting][0];
  if (profileId !== undefined) return { profileId, wouldDropTo: resolved, keptOnAt: null };
  const { changed_at } = await tx
    .selectFrom("profile")
    .select("changed_at")
    .where("tenant_id", "=", tenantId)
    .where("id", "=", resolved)
    .executeTakeFirstOrThrow();
  return { ...asResolved, keptOnAt: Math.max(now, changed_at) };
}

function inOrder({ intents, defaultProfileId }: IntentList): string[] {
  return [defaultProfileId, ...intents.map(({ profileId }) => profileId)];
}

async function protectingProfiles(tx: Tx, tenantId: string): Promise<ReadonlySet<string>> {
  const rows = await tx
    .selectFrom("profile")
    .select(["id", "settings"])
    .where("tenant_id", "=", tenantId)
    .orderBy("id")
    .execute();
  return new Set(rows.filter(({ settings }) => readSettings(settings).serviceProtection.on).map(({ id }) => id));
}
