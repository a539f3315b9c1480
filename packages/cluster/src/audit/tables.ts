import type { Migration } from "../db/migration.ts";

export interface AuditTables {
  audit_chain: AuditChainTable;
  audit_entry: AuditEntryTable;
}

/** The end of a chain: what the next entry is linked to. */
export interface AuditChainTable {
  /** `cluster` or a tenant's id. */
  chain: string;
  /** Of the newest entry; they count from 1 without gaps. */
  seq: number;
  hash: string;
}

/**
 * `body` is the entry: the hash covers exactly its bytes. The other columns repeat parts of it for searching, and
 * verification compares them.
 */
export interface AuditEntryTable {
  chain: string;
  seq: number;
  id: string;
  at: number;
  action: string;
  outcome: string;
  who_id: string;
  target_id: string;
  body: string;
  hash: string;
}

export const auditMigration: Migration = {
  name: "audit-1",
  statements: [
    "create table audit_chain (chain text primary key, seq int8 not null, hash text not null)",
    `create table audit_entry (
      chain text not null, seq int8 not null, id text not null unique, at int8 not null,
      action text not null, outcome text not null, who_id text not null, target_id text not null,
      body text not null, hash text not null,
      primary key (chain, seq)
    )`,
    "create index audit_entry_at on audit_entry (at, id)",
    "create index audit_entry_chain_at on audit_entry (chain, at, id)",
    "create index audit_entry_who on audit_entry (who_id, at, id)",
    "create index audit_entry_target on audit_entry (target_id, at, id)",
  ],
};
