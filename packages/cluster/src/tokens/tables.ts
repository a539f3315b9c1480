import type { TokenKind } from "@postern/token";
import type { Migration } from "../db/migration.ts";

export interface TokenTables {
  agent_token: AgentTokenTable;
  token_request: TokenRequestTable;
  redemption: RedemptionTable;
  offline_token: OfflineTokenTable;
}

/** The record of an agent token; never the token. */
export interface AgentTokenTable {
  /** The token's `jti`. */
  id: string;
  kind: TokenKind;
  /** The tenant that it is for or whose agent it is for; null: the whole cluster. */
  tenant_id: string | null;
  agent_id: string | null;
  kid: string;
  /** The signed claims as JSON. */
  claims: string;
  /** SHA-256 of the token, base64url. Who can write here cannot compute it without the private key. */
  token_sha256: string;
  issued_at: number;
  expires_at: number;
  reason: string;
  ticket: string | null;
  issued_by_id: string;
  issued_by_name: string;
  revoked_at: number | null;
  revoked_by_name: string | null;
}

/** A request that came with an `Idempotency-Key`, so that its repetition makes no second token. */
export interface TokenRequestTable {
  principal_id: string;
  idempotency_key: string;
  body_sha256: string;
  token_id: string;
  created_at: number;
}

/** `issued`: for this agent. `unknown`: never issued here. `other_target`: issued, but not for this agent. */
export const redemptionVerdicts = ["issued", "unknown", "other_target"] as const;
export type RedemptionVerdict = (typeof redemptionVerdicts)[number];

/** An entry `redeemed` of an agent's journal, held against the tokens that were issued. */
export interface RedemptionTable {
  agent_id: string;
  tenant_id: string;
  journal_id: string;
  seq: number;
  /** The journal entry's hash. */
  hash: string;
  jti: string;
  verdict: RedemptionVerdict;
  /** What the workload's clock said. */
  at: number;
  trusted_at: number;
  received_at: number;
}

/** A token that was generated with the keys alone and is in the audit log. */
export interface OfflineTokenTable {
  id: string;
  entered_at: number;
}

export const tokenMigration: Migration = {
  name: "tokens-1",
  statements: [
    `create table agent_token (
      id text primary key, kind text not null check (kind in ('cluster', 'tenant', 'agent')),
      tenant_id text references tenant (id), agent_id text references agent (id), kid text not null,
      claims text not null, token_sha256 text not null, issued_at int8 not null, expires_at int8 not null,
      reason text not null, ticket text, issued_by_id text not null, issued_by_name text not null,
      revoked_at int8, revoked_by_name text
    )`,
    "create index agent_token_issued on agent_token (issued_at, id)",
    "create index agent_token_tenant on agent_token (tenant_id, issued_at, id)",
    "create index agent_token_agent on agent_token (agent_id, issued_at, id)",
    "create index agent_token_revoked on agent_token (expires_at) where revoked_at is not null",
    `create table token_request (
      principal_id text not null, idempotency_key text not null, body_sha256 text not null,
      token_id text not null, created_at int8 not null,
      primary key (principal_id, idempotency_key)
    )`,
    `create table redemption (
      agent_id text not null references agent (id), tenant_id text not null references tenant (id),
      journal_id text not null, seq int8 not null, hash text not null, jti text not null,
      verdict text not null check (verdict in ('issued', 'unknown', 'other_target')),
      at int8 not null, trusted_at int8 not null, received_at int8 not null,
      primary key (agent_id, journal_id, seq, hash)
    )`,
    "create index redemption_jti on redemption (jti, received_at)",
  ],
};

/** Records of tokens that were generated offline are entered once. */
export const offlineTokenMigration: Migration = {
  name: "tokens-2",
  statements: ["create table offline_token (id text primary key, entered_at int8 not null)"],
};

/** Tokens and their redemptions outlive the agent: they stay on record, and a deleted agent can be given new ones. */
export const orphanTokenMigration: Migration = {
  name: "tokens-3",
  statements: [
    `create table agent_token_for_any (
      id text primary key, kind text not null check (kind in ('cluster', 'tenant', 'agent')),
      tenant_id text references tenant (id), agent_id text, kid text not null,
      claims text not null, token_sha256 text not null, issued_at int8 not null, expires_at int8 not null,
      reason text not null, ticket text, issued_by_id text not null, issued_by_name text not null,
      revoked_at int8, revoked_by_name text
    )`,
    `insert into agent_token_for_any
      (id, kind, tenant_id, agent_id, kid, claims, token_sha256, issued_at, expires_at, reason, ticket, issued_by_id,
       issued_by_name, revoked_at, revoked_by_name)
      select id, kind, tenant_id, agent_id, kid, claims, token_sha256, issued_at, expires_at, reason, ticket, issued_by_id,
       issued_by_name, revoked_at, revoked_by_name
      from agent_token`,
    "drop table agent_token",
    "alter table agent_token_for_any rename to agent_token",
    "create index agent_token_issued on agent_token (issued_at, id)",
    "create index agent_token_tenant on agent_token (tenant_id, issued_at, id)",
    "create index agent_token_agent on agent_token (agent_id, issued_at, id)",
    "create index agent_token_revoked on agent_token (expires_at) where revoked_at is not null",
    `create table redemption_by_any (
      agent_id text not null, tenant_id text not null references tenant (id),
      journal_id text not null, seq int8 not null, hash text not null, jti text not null,
      verdict text not null check (verdict in ('issued', 'unknown', 'other_target')),
      at int8 not null, trusted_at int8 not null, received_at int8 not null,
      primary key (agent_id, journal_id, seq, hash)
    )`,
    `insert into redemption_by_any
      (agent_id, tenant_id, journal_id, seq, hash, jti, verdict, at, trusted_at, received_at)
      select agent_id, tenant_id, journal_id, seq, hash, jti, verdict, at, trusted_at, received_at from redemption`,
    "drop table redemption",
    "alter table redemption_by_any rename to redemption",
    "create index redemption_jti on redemption (jti, received_at)",
  ],
};
