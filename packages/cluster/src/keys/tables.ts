import type { Migration } from "../db/migration.ts";

export const keyUses = ["root", "token", "config"] as const;
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
