import type { Migration } from "../db/migration.ts";
import type { AlarmKind, AlarmSeverity } from "./alarm-kinds.ts";

export interface AlarmTables {
  alarm: AlarmTable;
  alarm_watch: AlarmWatchTable;
}

/** Something that a person should look at, once or more often. */
export interface AlarmTable {
  id: string;
  /** Null: it concerns the cluster itself. */
  tenant_id: string | null;
  agent_id: string | null;
  /** As the agent's workload was called when the alarm was raised. */
  host_name: string | null;
  kind: AlarmKind;
  /** The worst of its occurrences. */
  severity: AlarmSeverity;
  /** What there is one alarm at a time of, within a kind: the agent's id, or that of the token. */
  subject: string;
  raised_at: number;
  /** When it happened last. */
  last_at: number;
  count: number;
  /** JSON, of the last occurrence. */
  data: string;
  acknowledged_at: number | null;
  acknowledged_by_id: string | null;
  acknowledged_by_name: string | null;
  comment: string | null;
  resolved_at: number | null;
  /** Since when another occurrence is another alarm. */
  closed_at: number | null;
}

/** One row: when the watch over silent agents made its last round. */
export interface AlarmWatchTable {
  id: 1;
  round_at: number;
  /** Until then silence says nothing: the cluster itself was away. */
  waits_until: number;
}

/** Alarms outlive their agents. */
export const alarmMigration: Migration = {
  name: "alarms-1",
  statements: [
    `create table alarm (
      id text primary key, tenant_id text references tenant (id), agent_id text, host_name text,
      kind text not null, severity text not null check (severity in ('problem', 'warning')), subject text not null,
      raised_at int8 not null, last_at int8 not null, count int8 not null, data text not null,
      acknowledged_at int8, acknowledged_by_id text, acknowledged_by_name text, comment text,
      resolved_at int8, closed_at int8
    )`,
    "create unique index alarm_one_at_a_time on alarm (kind, subject) where closed_at is null",
    "create index alarm_raised on alarm (raised_at, id)",
    "create index alarm_last on alarm (last_at, id)",
    "create index alarm_tenant on alarm (tenant_id, raised_at, id)",
    "create index alarm_agent on alarm (agent_id, raised_at, id)",
    "create index alarm_not_closed on alarm (tenant_id, kind, severity) where closed_at is null",
    "create index alarm_closed on alarm (closed_at) where closed_at is not null",
    "create index agent_lifted on agent (id) where protection_state = 'lifted'",
    "create table alarm_watch (id int8 primary key check (id = 1), round_at int8 not null, waits_until int8 not null)",
  ],
};
