import type { Kysely } from "kysely";
import type { Migration } from "./db/migration.ts";

export interface RestoreGapTables {
  restore_gap: RestoreGapTable;
}

/**
 * A time of which this cluster knows nothing: it was restored at its end from a backup of its beginning. What happened in
 * between, tokens that were issued and journal entries that were acknowledged, is known to agents only.
 */
export interface RestoreGapTable {
  id: string;
  /** When the backup was made, Unix ms. */
  from_at: number;
  /** When it was restored, Unix ms. */
  to_at: number;
}

export const restoreGapMigration: Migration = {
  name: "restore-1",
  statements: ["create table restore_gap (id text primary key, from_at int8 not null, to_at int8 not null)"],
};

/**
 * Whether something that happened at `at` may be unknown here because of a restore. The bounds count: a backup is of one
 * moment, and a token's time may be rounded down to it.
 */
export async function isInRestoreGap<DB extends RestoreGapTables>(database: Kysely<DB>, at: number): Promise<boolean> {
  const db = database as unknown as Kysely<RestoreGapTables>;
  const gap = await db
    .selectFrom("restore_gap")
    .select("id")
    .where("from_at", "<=", at)
    .where("to_at", ">=", at)
    .limit(1)
    .executeTakeFirst();
  return gap !== undefined;
}

/** When the cluster was restored last, Unix ms; null: never. */
export async function lastRestoredAt<DB extends RestoreGapTables>(database: Kysely<DB>): Promise<number | null> {
  const db = database as unknown as Kysely<RestoreGapTables>;
  const last = await db.selectFrom("restore_gap").select("to_at").orderBy("to_at", "desc").limit(1).executeTakeFirst();
  return last?.to_at ?? null;
}

/** When a UUIDv7 was made, Unix ms (RFC 9562 §5.7); null for anything else. */
export function timeOfUuidV7(id: string): number | null {
  const match = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.exec(id);
  return match === null ? null : Number.parseInt(`${match[1]}${match[2]}`, 16);
}
