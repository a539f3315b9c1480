import type { Migration } from "../db/migration.ts";

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
