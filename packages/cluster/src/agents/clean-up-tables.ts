import type { Migration } from "../db/migration.ts";

export interface CleanUpTables {
  clean_up_watch: CleanUpWatchTable;
  agent_outage: AgentOutageTable;
}

/** One row: when the clean-up of silent agents made its last round. */
export interface CleanUpWatchTable {
  id: 1;
  round_at: number;
}

/** A time in which no agent could be heard, since the cluster itself was away. */
export interface AgentOutageTable {
  id: string;
  from_at: number;
  until_at: number;
}

export const cleanUpMigration: Migration = {
  name: "agents-9",
  statements: [
    "create table clean_up_watch (id int8 primary key check (id = 1), round_at int8 not null)",
    "create table agent_outage (id text primary key, from_at int8 not null, until_at int8 not null)",
  ],
};
