import type { Migration } from "../db/migration.ts";

export const keyUses = ["root", "token", "config", "audit"] as const;
export type KeyUse = (typeof keyUses)[number];

/**
 * `active` signs; `retiring` is still in the trust bundle; `retired` is not, but its private half stays while an agent
 * knows nothing newer; `compromised` never signs again.
 */
export const keyStates = ["active", "retiring", "retired", "compromised"] as const;
export type KeyState = (typeof keyStates)[number];

export interface KeyTables {
  cluster: ClusterTable;
  signing_key: SigningKeyTable;
  trust_bundle: TrustBundleTable;
  key_copy: KeyCopyTable;
}

/** One row: which cluster this database is. */
export interface ClusterTable {
  id: string;
  created_at: number;
}

export interface SigningKeyTable {
  kid: string;
  use: KeyUse;
  state: KeyState;
  /** The public key, a JWK as JSON. */
  public_jwk: string;
  created_at: number;
  state_changed_at: number;
}

export interface TrustBundleTable {
  version: number;
  /** The signed bundle, JWS compact. */
  jws: string;
  created_at: number;
}

/** How the private half of a key gets to the other nodes, and that it is to be destroyed on all of them. */
export interface KeyCopyTable {
  kid: string;
  /** The key store's file: sealed under the store's own key, which is never in the database. Null: destroyed. */
  sealed: string | null;
  destroyed_at: number | null;
}

export const keysMigration: Migration = {
  name: "keys-1",
  statements: [
    "create table cluster (id text primary key, created_at int8 not null)",
    `create table signing_key (
      kid text primary key,
      use text not null check (use in ('root', 'token', 'config')),
      state text not null check (state in ('active', 'retiring', 'retired', 'compromised')),
      public_jwk text not null, created_at int8 not null, state_changed_at int8 not null
    )`,
    "create table trust_bundle (version int8 primary key, jws text not null, created_at int8 not null)",
  ],
};

/** A key of its own for the audit log's checkpoints. */
export const auditKeyMigration: Migration = {
  name: "keys-2",
  statements: [
    "alter table signing_key rename to signing_key_before",
    `create table signing_key (
      kid text primary key,
      use text not null check (use in ('root', 'token', 'config', 'audit')),
      state text not null check (state in ('active', 'retiring', 'retired', 'compromised')),
      public_jwk text not null, created_at int8 not null, state_changed_at int8 not null
    )`,
    `insert into signing_key (kid, use, state, public_jwk, created_at, state_changed_at)
      select kid, use, state, public_jwk, created_at, state_changed_at from signing_key_before`,
    "drop table signing_key_before",
  ],
};

/** Keys that are made while the cluster runs. */
export const keyCopyMigration: Migration = {
  name: "keys-3",
  statements: ["create table key_copy (kid text primary key, sealed text, destroyed_at int8)"],
};
