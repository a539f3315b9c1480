import type { Migration } from "../db/migration.ts";

export interface TenantTables {
  tenant: TenantTable;
}

export interface TenantTable {
  id: string;
  name: string;
  /** The name as it is searched and compared. */
  name_search: string;
  created_at: number;
  changed_at: number;
  /** Counts changes, for ETag. */
  revision: number;
}

export const tenantsMigration: Migration = {
  name: "tenants-1",
  statements: [
    `create table tenant (
      id text primary key, name text not null, name_search text not null unique,
      created_at int8 not null, changed_at int8 not null, revision int8 not null
    )`,
  ],
};
