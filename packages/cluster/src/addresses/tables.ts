import type { Migration } from "../db/migration.ts";

export interface AddressTables {
  cluster_urls: ClusterUrlsTable;
}

/** One row: at which addresses agents are told to find the cluster. None: they stay with those that they have. */
export interface ClusterUrlsTable {
  id: 1;
  /** A JSON array, the first one first. */
  urls: string;
  /** Those before the last change, so that there is a way back. */
  urls_before: string;
  changed_at: number;
  /** Null: nobody yet. */
  changed_by: string | null;
  /** Counts changes, for ETag. */
  revision: number;
}

export const addressMigration: Migration = {
  name: "addresses-1",
  statements: [
    `create table cluster_urls (
      id int8 primary key check (id = 1), urls text not null, urls_before text not null, changed_at int8 not null,
      changed_by text, revision int8 not null
    )`,
  ],
};
