import { join } from "node:path";
import { Kysely } from "kysely";
import { countFailure, createGroupCommit } from "../group-commit.ts";
import { applyMigrations, type Migration } from "../migration.ts";
import type { Store } from "../store.ts";
import { lockDataDirectory } from "./data-lock.ts";
import { renderSqliteDdl } from "./ddl.ts";
import { sqliteDialect } from "./dialect.ts";
import { openReaders } from "./readers.ts";
import { startWriter } from "./writer.ts";

export interface OpenSqliteOptions {
  /** An existing directory; `postern.db` is made in it. */
  readonly directory: string;
  readonly migrations: readonly Migration[];
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
  const path = join(options.directory, "postern.db");
  const writer = await startWriter(path, options.onDeath);
  const failures = { count: 0, conflicts: 0 };
  const writes = new Kysely<DB>({
    dialect: sqliteDialect({
      begin: "begin immediate",
      many: false,
      acquire: async () => writer,
      release: () => {},
      close: () => writer.close(),
    }),
    log: (event) => {
      if (event.level === "error") countFailure(failures, event.error);
    },
  });
  try {
    const { migrations, now } = options;
    await applyMigrations(writes, { migrations, render: renderSqliteDdl, lock: null, now });
  } catch (error) {
    await writer.close();
    throw error;
  }

  const reads = new Kysely<DB>({ dialect: sqliteDialect(openReaders(path)) });
  const group = createGroupCommit(writes, failures);
  return {
    reads,
    durable: group.durable,
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
