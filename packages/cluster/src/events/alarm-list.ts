import type { SelectQueryBuilder } from "kysely";
import { onPage } from "../db/keyset.ts";
import { acrossTenants, withinReach } from "../db/tenant-guard.ts";
import type { Reach } from "../http/access.ts";
import type { PageRequest } from "../http/paging.ts";
import type { Database, Db } from "../schema.ts";
import type { AlarmKind, AlarmSeverity } from "./alarm-kinds.ts";
import type { AlarmTable } from "./alarm-tables.ts";

/** `acknowledged`: seen by somebody. `resolved`: ended by itself, whether seen or not. */
export const alarmStates = ["open", "acknowledged", "resolved"] as const;
export type AlarmState = (typeof alarmStates)[number];

export function stateOfAlarm(alarm: Pick<AlarmTable, "acknowledged_at" | "resolved_at">): AlarmState {
  if (alarm.resolved_at !== null) return "resolved";
  return alarm.acknowledged_at === null ? "open" : "acknowledged";
}

/** An alarm with the names that people know. */
export interface ListedAlarm extends AlarmTable {
  readonly tenant_name: string | null;
  /** Null when the agent is gone. */
  readonly name_now: string | null;
}

export interface AlarmFilter {
  readonly tenantId?: string;
  readonly agentId?: string;
  readonly kind?: AlarmKind;
  readonly severity?: AlarmSeverity;
  readonly state?: AlarmState;
}

export const alarmSortFields = ["raisedAt", "lastAt"] as const;
export type AlarmSortField = (typeof alarmSortFields)[number];
const sortColumns = { raisedAt: "raised_at", lastAt: "last_at" } as const;

/** At most `limit + 1` alarms within reach; those of the cluster itself only to who reaches everywhere. */
export async function listAlarms(
  db: Db,
  reach: Reach,
  filter: AlarmFilter,
  { field, direction, after, limit }: PageRequest<AlarmSortField>,
): Promise<ListedAlarm[]> {
  const query = whereMatching(withinReach(selectAlarms(db), "alarm.tenant_id", reach), filter);
  const columns = { key: `alarm.${sortColumns[field]}`, id: "alarm.id" };
  return onPage(query, columns, { direction, after, limit }).execute();
}

export function positionOfAlarm(row: ListedAlarm, field: AlarmSortField): { key: number; id: string } {
  return { key: row[sortColumns[field]], id: row.id };
}

/** An alarm whose tenant is still to be compared with the reach of who asks. */
export async function findAlarmAnywhere(db: Db, id: string): Promise<ListedAlarm | undefined> {
  return acrossTenants(
    selectAlarms(db).where("alarm.id", "=", id),
    "found by its id; its tenant is compared with the reach of who asks",
  ).executeTakeFirst();
}

export interface AlarmCount {
  readonly kind: AlarmKind;
  readonly severity: AlarmSeverity;
  readonly state: "open" | "acknowledged";
  readonly count: number;
}

/**
 * How many alarms there are to look at: the open ones, and those that go on although somebody has seen them. What
 * happened and was seen is over, and not counted.
 */
export async function countAlarms(db: Db, reach: Reach): Promise<AlarmCount[]> {
  const all = db
    .selectFrom("alarm")
    .select((row) => [
      "kind",
      "severity",
      row.fn.countAll<number>().as("count"),
      row.fn.count<number>("acknowledged_at").as("acknowledged"),
    ])
    .where("closed_at", "is", null);
  const rows = await withinReach(all, "tenant_id", reach)
    .groupBy(["kind", "severity"])
    .orderBy("kind")
    .orderBy("severity")
    .execute();
  return rows.flatMap(({ kind, severity, count, acknowledged }): AlarmCount[] => {
    const open = Number(count) - Number(acknowledged);
    return [
      { kind, severity, state: "open" as const, count: open },
      { kind, severity, state: "acknowledged" as const, count: Number(acknowledged) },
    ].filter((one) => one.count > 0);
  });
}

function selectAlarms(db: Db) {
  return db
    .selectFrom("alarm")
    .leftJoin("tenant", "tenant.id", "alarm.tenant_id")
    .leftJoin("agent", (join) =>
      join.onRef("agent.id", "=", "alarm.agent_id").onRef("agent.tenant_id", "=", "alarm.tenant_id"),
    )
    .selectAll("alarm")
    .select(["tenant.name as tenant_name", "agent.host_name as name_now"]);
}

function whereMatching<Tables extends keyof Database, Row>(
  all: SelectQueryBuilder<Database, Tables | "alarm", Row>,
  { tenantId, agentId, kind, severity, state }: AlarmFilter,
): SelectQueryBuilder<Database, Tables | "alarm", Row> {
  let query = all as SelectQueryBuilder<Database, "alarm", Row>;
  if (tenantId !== undefined) query = query.where("alarm.tenant_id", "=", tenantId);
  if (agentId !== undefined) query = query.where("alarm.agent_id", "=", agentId);
  if (kind !== undefined) query = query.where("alarm.kind", "=", kind);
  if (severity !== undefined) query = query.where("alarm.severity", "=", severity);
  if (state === "resolved") query = query.where("alarm.resolved_at", "is not", null);
  else if (state !== undefined) {
    query = query
      .where("alarm.resolved_at", "is", null)
      .where("alarm.acknowledged_at", state === "open" ? "is" : "is not", null);
  }
  return query as SelectQueryBuilder<Database, Tables | "alarm", Row>;
}
