import type { ProtectionState } from "@postern/protocol";
import { withinReach } from "../db/tenant-guard.ts";
import type { Reach } from "../http/access.ts";
import { readSettings } from "../profiles/settings.ts";
import type { Db } from "../schema.ts";
import { agentLimits } from "./limits.ts";

const dayMs = 24 * 60 * 60_000;

/** Which silent agents are looked for. */
export interface SilenceScope {
  readonly reach: Reach;
  readonly profileId?: string;
  /** Instead of what the profiles say: to see what a setting would do. */
  readonly afterDays?: number;
}

/** An agent that has been silent for as long as its profile allows, or longer. */
export interface SilentAgent {
  readonly id: string;
  readonly tenantId: string;
  readonly hostName: string;
  readonly profileId: string;
  readonly protection: ProtectionState | null;
  readonly seenAt: number;
  readonly afterDays: number;
}

/** A time in which no agent could be heard. */
export interface Outage {
  readonly from_at: number;
  readonly until_at: number;
}

/**
 * The agents whose silence has lasted as long as their profile says, the longest silent first; at most
 * {@link agentLimits.maxSilentAgents} of each profile. Silence counts only while the cluster could hear. An agent that a
 * user decommissions is not among them before it has switched its protection off: deleting it would forget that it should.
 */
export async function findSilentAgents(db: Db, scope: SilenceScope, now: number): Promise<SilentAgent[]> {
  const outages = await db.selectFrom("agent_outage").select(["from_at", "until_at"]).execute();
  const found: SilentAgent[] = [];
  for (const { id: profileId, tenantId, afterDays } of await profilesOf(db, scope)) {
    const rows = await db
      .selectFrom("agent")
      .innerJoin("presence", "presence.agent_id", "agent.id")
      .select(["agent.id", "host_name", "protection_state", "seen_at"])
      .where("tenant_id", "=", tenantId)
      .where("profile_id", "=", profileId)
      .where("seen_at", "<=", now - afterDays * dayMs)
      .where((row) => row.or([row("decommission_at", "is", null), row("standing", "=", "decommissioned")]))
      .orderBy("seen_at")
      .orderBy("agent.id")
      .limit(agentLimits.maxSilentAgents)
      .execute();
    for (const { id, host_name: hostName, protection_state: protection, seen_at: seenAt } of rows) {
      if (silenceOf(seenAt, outages, now) < afterDays * dayMs) continue;
      found.push({ id, tenantId, hostName, profileId, protection, seenAt, afterDays });
    }
  }
  return found;
}

/** For how long an agent could have been heard and was not, ms. */
export function silenceOf(seenAt: number, outages: readonly Outage[], now: number): number {
  const away = outages.reduce(
    (sum, { from_at, until_at }) => sum + Math.max(0, Math.min(until_at, now) - Math.max(from_at, seenAt)),
    0,
  );
  return now - seenAt - away;
}

/** Until when nobody is cleaned up, since agents first get the time to come back after an outage; null: it is over. */
export async function waitsUntil(db: Db, now: number): Promise<number | null> {
  const { last } = await db
    .selectFrom("agent_outage")
    .select((row) => row.fn.max("until_at").as("last"))
    .executeTakeFirstOrThrow();
  const until = last === null ? 0 : Number(last) + agentLimits.comeBackMs;
  return now < until ? until : null;
}

async function profilesOf(db: Db, { reach, profileId, afterDays }: SilenceScope) {
  let query = withinReach(db.selectFrom("profile").select(["id", "tenant_id", "settings"]), "tenant_id", reach);
  if (profileId !== undefined) query = query.where("id", "=", profileId);
  const rows = await query.orderBy("id").execute();
  return rows.flatMap(({ id, tenant_id: tenantId, settings }) => {
    const days = afterDays ?? readSettings(settings).cleanUpAfterDays;
    return days === null ? [] : [{ id, tenantId, afterDays: days }];
  });
}
