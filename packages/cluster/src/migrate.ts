import type { Config } from "./config/config.ts";
import { migratePostgres, planPostgres } from "./db/postgres/open.ts";
import { migrateSqlite, planSqlite } from "./db/sqlite/open.ts";
import { makeDataDirectory } from "./foundation.ts";
import { migrations } from "./schema.ts";

/**
 * Brings the schema of the configured database up to date, without serving.
 *
 * @returns the names of the migrations that ran
 * @throws {ConfigError, DataDirectoryInUse, DatabaseUnusable, SchemaMismatch}
 */
export async function migrate({ database, dataDirectory }: Config, now: () => number): Promise<string[]> {
  if (database !== null) return migratePostgres({ ...database, migrations, now });
  makeDataDirectory(dataDirectory);
  return migrateSqlite({ directory: dataDirectory, migrations, now });
}

/**
 * The names of the migrations that {@link migrate} would run; changes nothing.
 *
 * @throws {DatabaseUnusable, SchemaMismatch}
 */
export async function planMigration({ database, dataDirectory }: Config): Promise<string[]> {
  if (database !== null) return planPostgres({ ...database, migrations });
  return planSqlite({ directory: dataDirectory, migrations });
}
