import type { Migration } from "../db/migration.ts";

export interface AuditTables {
  audit_chain: AuditChainTable;
  audit_entry: AuditEntryTable;
  audit_checkpoint: AuditCheckpointTable;
  audit_checkpoint_head: AuditCheckpointHeadTable;
  audit_newest_checkpoint: AuditNewestCheckpointTable;
  audit_pruned: AuditPrunedTable;
  lease: LeaseTable;
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
  target_kind: string;
  target_id: string;
  body: string;
  hash: string;
}

/** A signed statement of where all chains stood. They count from 1 without gaps, each names the one before. */
export interface AuditCheckpointTable {
  n: number;
  at: number;
  kid: string;
  /** JWS compact. */
  jws: string;
}

/** Heads that were new in a checkpoint; those that had not moved since an earlier one are not repeated. */
export interface AuditCheckpointHeadTable {
  chain: string;
  seq: number;
  hash: string;
  /** The checkpoint. */
  n: number;
}

/** One row: the end of the checkpoints, so that the newest of them cannot go unnoticed. */
export interface AuditNewestCheckpointTable {
  id: number;
  /** 0: there is none yet. */
  n: number;
  /** SHA-256 of its JWS, in hex. */
  digest: string;
}

/** Where a chain begins since its older entries were pruned: after this entry, whose link was signed. */
export interface AuditPrunedTable {
  chain: string;
  seq: number;
  hash: string;
  at: number;
}

/** Which node does something that only one is to do at a time. */
export interface LeaseTable {
  name: string;
  holder: string;
  until_at: number;
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

/** Kinds of targets that were recorded before they had a column. */
const earlierKinds = [
  "activation-key",
  "agent",
  "agent-token",
  "api-key",
  "cluster",
  "profile",
  "route",
  "session",
  "tenant",
  "user",
];

/** In a body each quotation mark inside of a text is escaped, so these characters stand there as its member only. */
const earlierKindOfBody = earlierKinds
  .map((kind) => `when body like '%,"target":{"kind":"${kind}",%' then '${kind}'`)
  .join(" ");

export const checkpointMigration: Migration = {
  name: "audit-2",
  statements: [
    "alter table audit_entry add column target_kind text not null default ''",
    `update audit_entry set target_kind = case ${earlierKindOfBody} else '' end`,
    "create index audit_entry_target_kind on audit_entry (target_kind, at, id)",
    "create table audit_checkpoint (n int8 primary key, at int8 not null, kid text not null, jws text not null)",
    `create table audit_checkpoint_head (
      chain text not null, seq int8 not null, hash text not null, n int8 not null,
      primary key (chain, seq)
    )`,
    "create index audit_checkpoint_head_n on audit_checkpoint_head (n, chain)",
    "create table audit_newest_checkpoint (id int8 primary key check (id = 1), n int8 not null, digest text not null)",
    `insert into audit_newest_checkpoint (id, n, digest) values (1, 0, '${"0".repeat(64)}')`,
    "create table audit_pruned (chain text primary key, seq int8 not null, hash text not null, at int8 not null)",
    "create table lease (name text primary key, holder text not null, until_at int8 not null)",
  ],
};
