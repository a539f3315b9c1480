import type { Migration } from "../db/migration.ts";
import type { AlarmTables } from "./alarm-tables.ts";

export interface EventTables extends AlarmTables {
  journal_entry: JournalEntryTable;
}

/** One entry of an agent's journal as it was delivered. */
export interface JournalEntryTable {
  /** UUIDv7: sorts in the order of arrival. */
  id: string;
  agent_id: string;
  tenant_id: string;
  journal_id: string;
  seq: number;
  /** `journalEntryHash`. */
  hash: string;
  /** What the workload's clock said. */
  at: number;
  trusted_at: number;
  kind: string;
  /** JSON. */
  data: string;
  prev: string;
  received_at: number;
  /** Another entry with this place in the journal was delivered too. */
  forked: 0 | 1;
  /** `prev` names the entry that was delivered before it. */
  linked: 0 | 1;
}

export const eventMigration: Migration = {
  name: "events-1",
  statements: [
    `create table journal_entry (
      id text primary key, agent_id text not null references agent (id), tenant_id text not null references tenant (id),
      journal_id text not null, seq int8 not null, hash text not null, at int8 not null, trusted_at int8 not null,
      kind text not null, data text not null, prev text not null, received_at int8 not null,
      forked flag not null, linked flag not null,
      unique (agent_id, journal_id, seq, hash)
    )`,
    "create index journal_entry_received on journal_entry (received_at, id)",
    "create index journal_entry_tenant on journal_entry (tenant_id, received_at, id)",
    "create index journal_entry_agent on journal_entry (agent_id, received_at, id)",
  ],
};
