import type { Migration } from "../db/migration.ts";

export interface ProfileTables {
  profile: ProfileTable;
  profile_version: ProfileVersionTable;
  intent: IntentTable;
  intent_list: IntentListTable;
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
  /** Rises whenever its agents are to be told something else, by a user's edit or not; their revisions rise with it. */
  changed_at: number;
  /** Of the settings: when somebody changed them last. */
  edited_at: number;
}

/** A state that a profile was in; never changed. */
export interface ProfileVersionTable {
  profile_id: string;
  /** 1, 2, 3 … of each profile. */
  version: number;
  tenant_id: string;
  name: string;
  settings: string;
  made_at: number;
  /** Null: the cluster itself. */
  made_by_id: string | null;
  made_by_name: string;
  /** The version whose settings were put back. */
  rollback_of: number | null;
}

/** An agent config intent. */
export interface IntentTable {
  id: string;
  tenant_id: string;
  name: string;
  /** Its place in the tenant's order: 0, 1, 2 … */
  position: number;
  profile_id: string;
  /** JSON of an `IntentFilter`. */
  filter: string;
  created_at: number;
  changed_at: number;
}

/** One row for each tenant that has ever had intents. */
export interface IntentListTable {
  tenant_id: string;
  /** Rises with every change of the order or of an intent. */
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

export const intentMigration: Migration = {
  name: "profiles-2",
  statements: [
    `create table intent (
      id text primary key, tenant_id text not null references tenant (id), name text not null, position int8 not null,
      profile_id text not null references profile (id), filter text not null, created_at int8 not null,
      changed_at int8 not null
    )`,
    "create index intent_position on intent (tenant_id, position, id)",
    "create index intent_profile on intent (profile_id)",
    "create table intent_list (tenant_id text primary key references tenant (id), changed_at int8 not null)",
  ],
};

export const versionMigration: Migration = {
  name: "profiles-3",
  statements: [
    `create table profile_version (
      profile_id text not null references profile (id), version int8 not null,
      tenant_id text not null references tenant (id), name text not null, settings text not null, made_at int8 not null,
      made_by_id text, made_by_name text not null, rollback_of int8,
      primary key (profile_id, version)
    )`,
    `insert into profile_version
      select id, 1, tenant_id, name, settings, changed_at, null, 'cluster', null from profile`,
  ],
};

/** Agents are told more than their profile's settings, such as agent packages: that changes, and nobody has edited a profile. */
export const editMigration: Migration = {
  name: "profiles-4",
  statements: [
    "alter table profile add column edited_at int8 not null default 0",
    "update profile set edited_at = changed_at",
  ],
};
