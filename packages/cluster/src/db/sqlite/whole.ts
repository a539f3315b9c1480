import { existsSync } from "node:fs";
import { Kysely, sql, type Transaction } from "kysely";
import { DatabaseError, DatabaseUnusable } from "../database-error.ts";
import type { WholeDatabase } from "../whole.ts";
import { renderSqliteDdl } from "./ddl.ts";
import { sqliteDialect } from "./dialect.ts";
import { openReaders } from "./readers.ts";
import { startWriter } from "./writer.ts";

/**
 * Opens the database at `path` to be read as of one moment, beside a node that works on it. Whoever reads in a transaction
 * sees nothing of what is written meanwhile, and makes nobody wait.
 *
 * @throws {DatabaseUnusable} when there is none
 */
export function readWholeSqlite(path: string): WholeDatabase {
  if (!existsSync(path)) {
    throw new DatabaseUnusable(`There is no database ${path}. Name the cluster's data directory with --data.`);
  }
  return whole(new Kysely<unknown>({ dialect: sqliteDialect(openReaders(path)) }));
}

/** Opens the database at `path` to be written, and makes it if it is not there. Nobody else may have it open. */
export async function writeWholeSqlite(path: string): Promise<WholeDatabase> {
  const writer = await startWriter(path, () => {});
  return whole(
    new Kysely<unknown>({
      dialect: sqliteDialect({
        begin: "begin immediate",
        many: false,
        acquire: async () => writer,
        release: () => {},
        close: () => writer.close(),
      }),
    }),
  );
}

function whole(db: Kysely<unknown>): WholeDatabase {
  return {
    engine: "sqlite",
    db,
    render: renderSqliteDdl,
    async deferReferences(tx) {
      await sql`pragma defer_foreign_keys = on`.execute(tx); // ends with the transaction, which checks them
    },
    checkReferences,
    close: () => db.destroy(),
  };
}

async function checkReferences(tx: Transaction<unknown>): Promise<void> {
  const { rows } = await sql<{ table: string; parent: string }>`pragma foreign_key_check`.execute(tx);
  const [first] = rows;
  if (first === undefined) return;
  throw new DatabaseError(
    "foreign_key",
    `a row of ${first.table} refers to one of ${first.parent} that is not there (${rows.length} in all)`,
  );
}
