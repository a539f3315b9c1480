import { existsSync } from "node:fs";
import { join } from "node:path";
import { Kysely, type KyselyPlugin } from "kysely";
import { DatabaseError, DatabaseUnusable } from "../database-error.ts";
import { countFailure, createGroupCommit } from "../group-commit.ts";
import { applyMigrations, type Migration, type MigrationOptions, missingMigrations } from "../migration.ts";
import type { Store } from "../store.ts";
import { type TenantColumns, tenantGuard } from "../tenant-guard.ts";
import { lockDataDirectory } from "./data-lock.ts";
import { renderSqliteDdl } from "./ddl.ts";
import { sqliteDialect } from "./dialect.ts";
import { openReaders } from "./readers.ts";
import { startWriter } from "./writer.ts";

export interface OpenSqliteOptions {
  /** An existing directory; `postern.db` is made in it. */
  readonly directory: string;
  readonly migrations: readonly Migration[];
  readonly tenantColumns: TenantColumns;
  readonly now: () => number;
  /** The writer's thread has died; the process should end. */
  readonly onDeath: (error: Error) => void;
}

/**
 * Opens the embedded database of a data directory, alone: locks the directory and brings the schema up to date.
 *
 * @throws {DataDirectoryInUse} when another process has it
 * @throws {SchemaMismatch} when a newer program made it
 * @throws {DatabaseUnusable} when its files cannot be opened
 */
export async function openSqliteStore<DB>(options: OpenSqliteOptions): Promise<Store<DB>> {
  const lock = lockDataDirectory(options.directory);
  try {
    return await openLocked<DB>(options, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function openLocked<DB>(options: OpenSqliteOptions, lock: { release(): void }): Promise<Store<DB>> {
  const path = databaseIn(options.directory);
  const failures = { count: 0, conflicts: 0 };
  const plugins = [tenantGuard(options.tenantColumns)];
  const writes = await startWrites<DB>(path, options.onDeath, plugins, (error) => countFailure(failures, error));
  try {
    await applyMigrations(writes.withoutPlugins(), migrationOptions(options));
  } catch (error) {
    await writes.destroy();
    throw error;
  }

  const reads = new Kysely<DB>({ dialect: sqliteDialect(openReaders(path)), plugins });
  const group = createGroupCommit(writes, failures);
  return {
    reads,
    durable: group.durable,
    leave: group.leave,
    // The lock on the data directory says that there is no other node.
    signals: { send: async () => {}, listen: async () => async () => {} },
    async close() {
      await group.close();
      await reads.destroy();
      await writes.destroy();
      lock.release();
    },
  };
}

/**
 * Brings the schema of a data directory's database up to date, without serving.
 *
 * @returns the names of the migrations that ran
 * @throws {DataDirectoryInUse, SchemaMismatch, DatabaseUnusable}
 */
export async function migrateSqlite(options: Omit<OpenSqliteOptions, "onDeath" | "tenantColumns">): Promise<string[]> {
  const lock = lockDataDirectory(options.directory);
  try {
    const writes = await startWrites<unknown>(databaseIn(options.directory), () => {});
    try {
      return await applyMigrations(writes, migrationOptions(options));
    } finally {
      await writes.destroy();
    }
  } finally {
    lock.release();
  }
}

/** What {@link migrateSqlite} would do; changes nothing, and makes no database. */
export async function planSqlite({
  directory,
  migrations,
}: Omit<OpenSqliteOptions, "onDeath" | "tenantColumns" | "now">): Promise<string[]> {
  const path = databaseIn(directory);
  if (!existsSync(path)) return migrations.map(({ name }) => name);
  const reads = new Kysely<unknown>({ dialect: sqliteDialect(openReaders(path)) });
  try {
    return (await missingMigrations(reads, migrations)).map(({ name }) => name);
  } catch (error) {
    if (error instanceof DatabaseError)
      throw new DatabaseUnusable(`The database ${path} cannot be read (${error.message}).`);
    throw error;
  } finally {
    await reads.destroy();
  }
}

async function startWrites<DB>(
  path: string,
  onDeath: (error: Error) => void,
  plugins: KyselyPlugin[] = [],
  onFailure: (error: unknown) => void = () => {},
): Promise<Kysely<DB>> {
  const writer = await startWriter(path, onDeath);
  return new Kysely<DB>({
    dialect: sqliteDialect({
      begin: "begin immediate",
      many: false,
      acquire: async () => writer,
      release: () => {},
      close: () => writer.close(),
    }),
    plugins,
    log: (event) => {
      if (event.level === "error") onFailure(event.error);
    },
  });
}

function migrationOptions({ migrations, now }: Pick<OpenSqliteOptions, "migrations" | "now">): MigrationOptions {
  return { migrations, render: renderSqliteDdl, lock: null, now };
}

function databaseIn(directory: string): string {
  return join(directory, "postern.db");
}
