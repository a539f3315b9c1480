import type { Migration } from "../db/migration.ts";

/** A journal outlives its agent: that an agent is deleted does not undo what happened. */
export const orphanJournalMigration: Migration = {
  name: "events-3",
  statements: [
    `create table journal_entry_of_any (
      id text primary key, agent_id text not null, tenant_id text not null references tenant (id),
      journal_id text not null, seq int8 not null, hash text not null, at int8 not null, trusted_at int8 not null,
      kind text not null, data text not null, prev text not null, received_at int8 not null,
      forked flag not null, linked flag not null,
      unique (agent_id, journal_id, seq, hash)
    )`,
    `insert into journal_entry_of_any
      (id, agent_id, tenant_id, journal_id, seq, hash, at, trusted_at, kind, data, prev, received_at, forked, linked)
      select id, agent_id, tenant_id, journal_id, seq, hash, at, trusted_at, kind, data, prev, received_at, forked, linked
      from journal_entry`,
    "drop table journal_entry",
    "alter table journal_entry_of_any rename to journal_entry",
    "create index journal_entry_received on journal_entry (received_at, id)",
    "create index journal_entry_tenant on journal_entry (tenant_id, received_at, id)",
    "create index journal_entry_agent on journal_entry (agent_id, received_at, id)",
  ],
};
