import type { ProtectionReport } from "@postern/protocol";
import { agentLimits } from "../agents/limits.ts";
import type { Standing } from "../agents/tables.ts";
import { toRfc3339 } from "../clock.ts";
import { dbLimits } from "../db/limits.ts";
import { acrossTenants } from "../db/tenant-guard.ts";
import type { Db } from "../schema.ts";
import type { AlarmKind } from "./alarm-kinds.ts";
import type { Occurrence } from "./alarms.ts";
import { alarmLimits } from "./limits.ts";

/** Something that goes on for a while, and that the database shows. */
export interface StandingCondition {
  readonly kind: AlarmKind;
  /** It follows from an agent's silence, which says nothing after the cluster was away itself. */
  readonly isSilence: boolean;
  /** Agents of which it is true, and that have no such alarm. */
  begun(db: Db, now: number): Promise<Occurrence[]>;
  /** Agents that have such an alarm, and of which it is true no more. */
  ended(db: Db, now: number): Promise<string[]>;
}

export const conditions: readonly StandingCondition[] = [
  { kind: "would_drop", isSilence: false, begun: wouldDrop, ended: dropsNoMore },
  { kind: "lift_overdue", isSilence: true, begun: liftOverdue, ended: liftedNoMore },
  { kind: "protected_agent_silent", isSilence: true, begun: silent, ended: silentNoMore },
];

/** Who is replaced or decommissioned is expected no more. */
const expected = ["normal", "restored"] as const satisfies readonly Standing[];

const watching = "the cluster watches over the agents of all tenants";

/** Agents with an alarm of this kind that nobody has resolved. */
function withAlarm(db: Db, kind: AlarmKind) {
  const open = db
    .selectFrom("alarm")
    .leftJoin("agent", "agent.id", "alarm.agent_id")
    .leftJoin("presence", "presence.agent_id", "alarm.agent_id")
    .select("alarm.subject")
    .where("alarm.kind", "=", kind)
    .where("alarm.closed_at", "is", null)
    .limit(alarmLimits.maxRaisedPerRound);
  return acrossTenants(open, watching);
}

/** Agents without an alarm of this kind, as far as they go into one. */
function withoutAlarm(db: Db, kind: AlarmKind) {
  const free = db
    .selectFrom("agent")
    .innerJoin("presence", "presence.agent_id", "agent.id")
    .leftJoin("alarm", (join) =>
      join.onRef("alarm.subject", "=", "agent.id").on("alarm.kind", "=", kind).on("alarm.closed_at", "is", null),
    )
    .select(["agent.id", "agent.tenant_id", "agent.host_name", "presence.seen_at", "presence.due_at"])
    .where("alarm.id", "is", null)
    .limit(alarmLimits.maxRaisedPerRound);
  return acrossTenants(free, watching);
}

async function wouldDrop(db: Db): Promise<Occurrence[]> {
  const rows = await withoutAlarm(db, "would_drop")
    .select(["agent.profile_id", "agent.would_drop_profile_id"])
    .where("agent.would_drop_profile_id", "is not", null)
    .execute();
  return rows.map(
    ({ id, tenant_id: tenantId, host_name: hostName, profile_id: keepsProfileId, would_drop_profile_id }) => ({
      kind: "would_drop",
      tenantId,
      agent: { id, hostName },
      data: { keepsProfileId, wouldDropToProfileId: would_drop_profile_id },
    }),
  );
}

async function dropsNoMore(db: Db): Promise<string[]> {
  // Null also when the agent is gone.
  const rows = await withAlarm(db, "would_drop").where("agent.would_drop_profile_id", "is", null).execute();
  return rows.map(({ subject }) => subject);
}

/** Lifted, silent, and past what was left of the lift when it was heard of last. */
async function liftOverdue(db: Db, now: number): Promise<Occurrence[]> {
  const rows = await withoutAlarm(db, "lift_overdue")
    .select("agent.protection")
    .where("agent.protection_state", "=", "lifted")
    .where("agent.standing", "in", expected)
    .where("presence.due_at", "<=", now - agentLimits.graceMs)
    .execute();
  return rows.flatMap(({ id, tenant_id: tenantId, host_name: hostName, seen_at, protection }): Occurrence[] => {
    const { budgetLeft = 0, jti = null } = JSON.parse(protection ?? "{}") as Partial<ProtectionReport>;
    const endedAt = seen_at + budgetLeft * 1_000;
    if (endedAt + agentLimits.graceMs > now) return [];
    const data = { seenAt: toRfc3339(seen_at), liftEndedAt: toRfc3339(endedAt), tokenId: jti };
    return [{ kind: "lift_overdue", tenantId, agent: { id, hostName }, data }];
  });
}

async function liftedNoMore(db: Db, now: number): Promise<string[]> {
  const rows = await withAlarm(db, "lift_overdue")
    .where((row) =>
      row.or([
        row("agent.id", "is", null),
        row("agent.protection_state", "!=", "lifted"),
        row("agent.standing", "not in", expected),
        row("presence.due_at", ">", now - agentLimits.graceMs),
      ]),
    )
    .execute();
  return rows.map(({ subject }) => subject);
}

async function silent(db: Db, now: number): Promise<Occurrence[]> {
  // From the narrow table, whose few silent rows lead to the wide one: SQLite takes a cross join in the order given.
  const quiet = db
    .selectFrom("presence")
    .crossJoin("agent")
    .leftJoin("alarm", (join) =>
      join
        .onRef("alarm.subject", "=", "agent.id")
        .on("alarm.kind", "=", "protected_agent_silent")
        .on("alarm.closed_at", "is", null),
    )
    .select(["agent.id", "agent.tenant_id", "agent.host_name", "presence.seen_at"])
    .whereRef("agent.id", "=", "presence.agent_id")
    .where("alarm.id", "is", null)
    .limit(alarmLimits.maxRaisedPerRound);
  const rows = await acrossTenants(quiet, watching)
    .where("agent.protection_state", "=", "on")
    .where("agent.standing", "in", expected)
    .where("presence.due_at", "<=", now - agentLimits.graceMs)
    .execute();
  const shutDown = await shutDownLast(
    db,
    rows.map(({ id }) => id),
  );
  return rows.map(({ id, tenant_id: tenantId, host_name: hostName, seen_at }) => ({
    kind: "protected_agent_silent",
    tenantId,
    agent: { id, hostName },
    // A machine that was switched off says so; still, whoever boots it from another disk does that first.
    ...(shutDown.has(id) && { severity: "warning" as const }),
    data: { seenAt: toRfc3339(seen_at), shutDown: shutDown.has(id) },
  }));
}

async function silentNoMore(db: Db, now: number): Promise<string[]> {
  const rows = await withAlarm(db, "protected_agent_silent")
    .where((row) =>
      row.or([
        row("agent.id", "is", null),
        row("agent.protection_state", "!=", "on"),
        row("agent.standing", "not in", expected),
        row("presence.due_at", ">", now - agentLimits.graceMs),
      ]),
    )
    .execute();
  return rows.map(({ subject }) => subject);
}

/** Agents whose last word was that the system shuts down. */
async function shutDownLast(db: Db, agentIds: readonly string[]): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (let start = 0; start < agentIds.length; start += dbLimits.maxRowsPerStatement) {
    const ids = agentIds.slice(start, start + dbLimits.maxRowsPerStatement);
    const newest = db
      .selectFrom("journal_entry")
      .select((row) => row.fn.max("id").as("id"))
      .where("agent_id", "in", ids)
      .groupBy("agent_id");
    const newestIds = (await acrossTenants(newest, watching).execute()).map(({ id }) => id);
    const entries = db.selectFrom("journal_entry").select(["agent_id", "kind", "data"]).where("id", "in", newestIds);
    const rows = newestIds.length === 0 ? [] : await acrossTenants(entries, watching).execute();
    for (const { agent_id, kind, data } of rows) {
      const { reason } = JSON.parse(data) as { reason?: unknown };
      if (kind === "service_stopping" && reason === "shutdown") found.add(agent_id);
    }
  }
  return found;
}
