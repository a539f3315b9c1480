import { sql } from "kysely";
import type { ChangePublisher } from "../change-feed.ts";
import type { NewId } from "../db/ids.ts";
import { dbLimits } from "../db/limits.ts";
import { acrossTenants } from "../db/tenant-guard.ts";
import type { Tx } from "../schema.ts";
import { type AlarmKind, type AlarmSeverity, alarmKinds } from "./alarm-kinds.ts";
import type { AlarmTable } from "./alarm-tables.ts";
import { alarmLimits } from "./limits.ts";

/** What raising alarms needs. */
export interface AlarmServices {
  readonly newId: NewId;
  readonly feed: ChangePublisher;
}

export type AlarmData = Readonly<Record<string, string | number | boolean | null>>;

/** Something that happened, or goes on, and that a person should look at. */
export interface Occurrence {
  readonly kind: AlarmKind;
  /** Null: it concerns the cluster itself. */
  readonly tenantId: string | null;
  readonly agent: { readonly id: string; readonly hostName: string } | null;
  /** What there is one alarm at a time of; the agent unless said otherwise. */
  readonly subject?: string;
  /** Another one than the kind's. */
  readonly severity?: AlarmSeverity;
  readonly data: AlarmData;
  /** How often it happened; once unless said otherwise. */
  readonly times?: number;
}

/** Raises an alarm, or counts on one of the same kind and subject that nobody has dealt with. */
export async function raiseAlarm(tx: Tx, services: AlarmServices, occurrence: Occurrence, now: number): Promise<void> {
  await raiseAlarms(tx, services, [occurrence], now);
}

/** {@link raiseAlarm} for many, each of another subject, in few statements. */
export async function raiseAlarms(
  tx: Tx,
  { newId, feed }: AlarmServices,
  occurrences: readonly Occurrence[],
  now: number,
): Promise<void> {
  const raised: AlarmRef[] = [];
  for (let start = 0; start < occurrences.length; start += dbLimits.maxRowsPerStatement) {
    const rows = occurrences
      .slice(start, start + dbLimits.maxRowsPerStatement)
      .map((occurrence) => toRow(occurrence, newId(), now));
    const counted = tx
      .insertInto("alarm")
      .values(rows)
      .onConflict((conflict) =>
        conflict
          .columns(["kind", "subject"])
          .where("closed_at", "is", null)
          .doUpdateSet((row) => ({
            count: sql<number>`alarm.count + excluded.count`,
            last_at: row.ref("excluded.last_at"),
            data: row.ref("excluded.data"),
            severity: sql<AlarmSeverity>`case when alarm.severity = 'problem' then 'problem' else excluded.severity end`,
          })),
      )
      .returning(["id", "tenant_id", "agent_id"]);
    raised.push(...(await acrossTenants(counted, "a subject is of one tenant, or of the cluster").execute()));
  }
  publishAlarms(tx, feed, raised);
}

/** Somebody has changed what is stored of a token. It concerns the cluster: the record's own tenant may be part of the change. */
export function raiseTokenAltered(tx: Tx, services: AlarmServices, tokenId: string, now: number): Promise<void> {
  const data = { tokenId };
  return raiseAlarm(
    tx,
    services,
    { kind: "token_record_altered", tenantId: null, agent: null, subject: tokenId, data },
    now,
  );
}

/** What is published of an alarm. */
export type AlarmRef = Pick<AlarmTable, "id" | "tenant_id" | "agent_id">;

/** Tells live views of alarms that were raised or have changed. */
export function publishAlarms(tx: Tx, feed: ChangePublisher, alarms: readonly AlarmRef[]): void {
  if (alarms.length > alarmLimits.maxToldOneByOne) {
    for (const tenantId of new Set(alarms.map(({ tenant_id }) => tenant_id))) {
      feed.publish(tx, { kind: "alarm", tenantId, agentId: null, alarmId: null });
    }
    return;
  }
  for (const { id, tenant_id: tenantId, agent_id: agentId } of alarms) {
    feed.publish(tx, { kind: "alarm", tenantId, agentId, alarmId: id });
  }
}

/**
 * Ends alarms because what they are about has ended by itself.
 *
 * @param subjects agents, or whatever the kind has one alarm at a time of
 */
export async function resolveAlarms(
  tx: Tx,
  feed: ChangePublisher,
  kind: AlarmKind,
  subjects: readonly string[],
  now: number,
): Promise<void> {
  const resolved: AlarmRef[] = [];
  for (let start = 0; start < subjects.length; start += dbLimits.maxRowsPerStatement) {
    const ended = tx
      .updateTable("alarm")
      .set({ resolved_at: now, closed_at: now })
      .where("kind", "=", kind)
      .where("subject", "in", subjects.slice(start, start + dbLimits.maxRowsPerStatement))
      .where("closed_at", "is", null)
      .returning(["id", "tenant_id", "agent_id"]);
    resolved.push(...(await acrossTenants(ended, "the cluster looks after the alarms of all tenants").execute()));
  }
  publishAlarms(tx, feed, resolved);
}

/** Somebody who has seen an alarm. */
export interface Acknowledgement {
  readonly byId: string;
  readonly byName: string;
  readonly comment: string;
}

/**
 * Notes that somebody has seen an alarm. One about something that happened is settled by that: the next occurrence is
 * another alarm. One about something that goes on stays until that ends.
 *
 * @returns false when it is not open any more
 */
export async function acknowledgeAlarm(
  tx: Tx,
  feed: ChangePublisher,
  alarm: Pick<AlarmTable, "id" | "kind" | "tenant_id">,
  { byId, byName, comment }: Acknowledgement,
  now: number,
): Promise<boolean> {
  const acknowledged = await tx
    .updateTable("alarm")
    .set({
      acknowledged_at: now,
      acknowledged_by_id: byId,
      acknowledged_by_name: byName,
      comment,
      ...(!alarmKinds[alarm.kind].lasts && { closed_at: now }),
    })
    .where("tenant_id", alarm.tenant_id === null ? "is" : "=", alarm.tenant_id)
    .where("id", "=", alarm.id)
    .where("acknowledged_at", "is", null)
    .where("resolved_at", "is", null)
    .returning(["id", "tenant_id", "agent_id"])
    .execute();
  publishAlarms(tx, feed, acknowledged);
  return acknowledged.length > 0;
}

function toRow(occurrence: Occurrence, id: string, now: number): AlarmTable {
  const { kind, tenantId, agent, data, times = 1 } = occurrence;
  const subject = occurrence.subject ?? agent?.id;
  if (subject === undefined) throw new Error(`an alarm of the kind ${kind} needs a subject`);
  return {
    id,
    tenant_id: tenantId,
    agent_id: agent?.id ?? null,
    host_name: agent?.hostName ?? null,
    kind,
    severity: occurrence.severity ?? alarmKinds[kind].severity,
    subject,
    raised_at: now,
    last_at: now,
    count: times,
    data: JSON.stringify(data),
    acknowledged_at: null,
    acknowledged_by_id: null,
    acknowledged_by_name: null,
    comment: null,
    resolved_at: null,
    closed_at: null,
  };
}
