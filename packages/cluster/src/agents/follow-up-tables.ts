import type { Migration } from "../db/migration.ts";

export interface FollowUpTables {
  assignment_follow_up: FollowUpTable;
}

/** An edit that is stored, and that not all of its agents have followed yet. Gone once they have. */
export interface FollowUpTable {
  id: string;
  tenant_id: string;
  /** When it last went on; long ago: whoever was at it is gone. */
  moved_at: number;
}

export const followUpMigration: Migration = {
  name: "agents-10",
  statements: [
    `create table assignment_follow_up (
      id text primary key, tenant_id text not null references tenant (id), moved_at int8 not null
    )`,
  ],
};
