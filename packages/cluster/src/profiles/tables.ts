import type { Migration } from "../db/migration.ts";

export interface ProfileTables {
  profile: ProfileTable;
}

/** An agent config profile: named settings of a tenant. */
export interface ProfileTable {
  id: string;
  tenant_id: string;
  name: string;
  /** The name in the form for searching; unique in the tenant. */
  name_search: string;
  /** The profile `Default`: made with the tenant, the one that always applies last, never deleted. */
  is_default: 0 | 1;
  /** JSON of {@link ProfileSettings}. */
  settings: string;
  created_at: number;
  /** Of the settings; rises with every change, and agents' revisions with it. */
  changed_at: number;
}

export const profileMigration: Migration = {
  name: "profiles-1",
  statements: [
    `create table profile (
      id text primary key, tenant_id text not null references tenant (id), name text not null, name_search text not null,
      is_default flag not null, settings text not null, created_at int8 not null, changed_at int8 not null,
      unique (tenant_id, name_search)
    )`,
    "create unique index profile_default on profile (tenant_id) where is_default = 1",
  ],
};
