import type { Migration } from "../db/migration.ts";
import type { Role } from "./roles.ts";

export interface IdentityTables {
  user_account: UserTable;
  role_binding: RoleBindingTable;
  session: SessionTable;
  api_key: ApiKeyTable;
  provider_account: ProviderAccountTable;
  login_counter: LoginCounterTable;
  known_login: KnownLoginTable;
}

export interface UserTable {
  id: string;
  name: string;
  name_search: string;
  /** Argon2id in the PHC string format; empty: none, the user logs in by way of the identity provider. */
  password_hash: string;
  disabled: 0 | 1;
  created_at: number;
  changed_at: number;
  revision: number;
}

export interface RoleBindingTable {
  id: string;
  user_id: string;
  role: Role;
  /** Null: bound to the cluster. */
  tenant_id: string | null;
  created_at: number;
}

export interface SessionTable {
  id: string;
  user_id: string;
  /** SHA-256 of the cookie's value: a copy of the database logs nobody in. */
  secret_hash: string;
  created_at: number;
  /** The last request, at most a minute old. */
  seen_at: number;
  /** When the password was last given, here or to the identity provider. */
  password_given_at: number;
  ends_at: number;
  /** From where the log-in came. */
  address: string;
}

export interface ApiKeyTable {
  id: string;
  user_id: string;
  name: string;
  secret_hash: string;
  /** Its role bindings as JSON; what its owner no longer holds counts no more. */
  bindings: string;
  created_at: number;
  expires_at: number;
  used_at: number | null;
}

/** Who a user is at an identity provider. */
export interface ProviderAccountTable {
  issuer: string;
  /** Unique at the issuer, and never given to somebody else (OpenID Connect Core §8). */
  subject: string;
  user_id: string;
  /** When the provider last said who the user is and what he may do. */
  logged_in_at: number;
}

/** Failed log-ins of one name, one address, one of both, or one session. */
export interface LoginCounterTable {
  /** A hash: names are counted that nobody has, such as a password typed into the wrong field. */
  key: string;
  failures: number;
  last_at: number;
  /** When the counter starts again at nothing. */
  ends_at: number;
}

/** From where a user has logged in. */
export interface KnownLoginTable {
  /** A hash of name and address. */
  key: string;
  user_id: string;
  seen_at: number;
}

export const identityMigration: Migration = {
  name: "identity-1",
  statements: [
    `create table user_account (
      id text primary key, name text not null, name_search text not null unique, password_hash text not null,
      disabled flag not null, created_at int8 not null, changed_at int8 not null, revision int8 not null
    )`,
    `create table role_binding (
      id text primary key, user_id text not null references user_account (id) on delete cascade,
      role text not null check (role in ('site_admin', 'customer_support', 'tenant_owner', 'agent_installer', 'auditor')),
      tenant_id text references tenant (id), created_at int8 not null
    )`,
    "create unique index role_binding_once on role_binding (user_id, role, coalesce(tenant_id, ''))",
    "create index role_binding_tenant on role_binding (tenant_id, user_id)",
    `create table session (
      id text primary key, user_id text not null references user_account (id) on delete cascade,
      secret_hash text not null unique, created_at int8 not null, seen_at int8 not null,
      password_given_at int8 not null, ends_at int8 not null
    )`,
    "create index session_owner on session (user_id)",
    "create index session_ends on session (ends_at)",
    `create table api_key (
      id text primary key, user_id text not null references user_account (id) on delete cascade,
      name text not null, secret_hash text not null unique, bindings text not null,
      created_at int8 not null, expires_at int8 not null, used_at int8
    )`,
    "create index api_key_user on api_key (user_id, created_at, id)",
  ],
};

export const loginMigration: Migration = {
  name: "identity-2",
  statements: [
    "alter table session add column address text not null default ''",
    `create table provider_account (
      issuer text not null, subject text not null,
      user_id text not null unique references user_account (id) on delete cascade,
      logged_in_at int8 not null, primary key (issuer, subject)
    )`,
    `create table login_counter (
      key text primary key, failures int8 not null, last_at int8 not null, ends_at int8 not null
    )`,
    "create index login_counter_ends on login_counter (ends_at)",
    `create table known_login (
      key text primary key, user_id text not null references user_account (id) on delete cascade, seen_at int8 not null
    )`,
    "create index known_login_user on known_login (user_id, seen_at)",
  ],
};
