import { existsSync, linkSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Kysely, Transaction } from "kysely";
import { type Argon2Cost, usualCost } from "../argon2id.ts";
import { type Clock, toRfc3339 } from "../clock.ts";
import { createIds, type RandomBytes } from "../db/ids.ts";
import { divideMigrations, type Migration } from "../db/migration.ts";
import { describeAddress, type PostgresAddress } from "../db/postgres/address.ts";
import { requireNoNodes, writeWholePostgres } from "../db/postgres/whole.ts";
import { lockDataDirectory } from "../db/sqlite/data-lock.ts";
import { writeWholeSqlite } from "../db/sqlite/whole.ts";
import type { WholeDatabase } from "../db/whole.ts";
import { flushDirectory } from "../keys/durable-file.ts";
import type { KeyStore } from "../keys/key-store.ts";
import { openKeys } from "../keys/open-keys.ts";
import type { ModuleOptions } from "../keys/pkcs11/session.ts";
import type { Tx } from "../schema.ts";
import { type BackupManifest, openBackupFile } from "./backup-file.ts";
import type { CheckedBackup } from "./check-backup.ts";
import { placeKeyFiles } from "./key-files.ts";
import type { KnownTable, Row } from "./read-tables.ts";
import { type Recovered, recover } from "./recover.ts";
import { describeOccupant, type Occupant, TargetOccupied } from "./target.ts";
import { type TableRows, writeTables } from "./write-tables.ts";

export interface RestoreOptions {
  /** Read to its end and found whole. */
  readonly backup: CheckedBackup;
  readonly path: string;
  /** An existing directory, which has the key store and, without `address`, the database. */
  readonly dataDirectory: string;
  /** PostgreSQL; null: a file in the data directory. */
  readonly address: PostgresAddress | null;
  readonly migrations: readonly Migration[];
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly passphrase: string | null;
  /** Has the root and token keys of a cluster that was made with one. */
  readonly pkcs11?: ModuleOptions | null;
  /** The operator's copy of the key store's key file. */
  readonly keyFile: string | null;
  readonly cost?: Argon2Cost;
  /** Whether a cluster that is there already may go. */
  readonly replace: boolean;
  readonly keepActivationKeys: boolean;
  readonly revokeApiKeys: boolean;
  readonly progress: (rows: number, of: number) => void;
}

export interface Restored extends Recovered {
  /** What was there before; null: nothing. */
  readonly replaced: Occupant | null;
  /** The folder with the database that was replaced; null: there was none, or it was on PostgreSQL. */
  readonly replacedIn: string | null;
}

/**
 * Puts a cluster back as it is in a backup, all of it or, whatever fails and whenever it is killed, nothing.
 *
 * @throws {TargetOccupied} there is a cluster already, and it may not be replaced
 * @throws {DataDirectoryInUse, DatabaseUnusable, SchemaMismatch, KeyStoreError, BackupUnusable}
 */
export async function restoreBackup(options: RestoreOptions): Promise<Restored> {
  const { dataDirectory, address } = options;
  const lock = lockDataDirectory(dataDirectory);
  try {
    return address === null ? await intoDirectory(options) : await intoPostgres(options, address);
  } finally {
    lock.release();
  }
}

/** Beside the database of now; only the finished one takes its name. */
async function intoDirectory(options: RestoreOptions): Promise<Restored> {
  const { dataDirectory, backup, replace, clock } = options;
  const path = join(dataDirectory, "postern.db");
  const temporary = join(dataDirectory, "restoring.db");
  removeDatabase(temporary); // of an attempt that was killed
  const occupant = existsSync(path) ? await describeFile(path) : null;
  if (occupant !== null && !replace) throw new TargetOccupied(dataDirectory, occupant, backup.manifest);
  const target = await writeWholeSqlite(temporary);
  let recovered: Recovered;
  try {
    recovered = await target.db.transaction().execute((tx) => fill(tx, target, options));
  } catch (error) {
    await target.close();
    removeDatabase(temporary);
    throw error;
  }
  await target.close(); // all of it is in the one file now
  const replacedIn = existsSync(path) ? putAside(path, dataDirectory, clock.now()) : null;
  renameSync(temporary, path);
  flushDirectory(dataDirectory);
  return { ...recovered, replaced: occupant, replacedIn };
}

/** In one transaction, which nodes and readers see as a whole or not at all. */
async function intoPostgres(options: RestoreOptions, address: PostgresAddress): Promise<Restored> {
  const { backup, replace } = options;
  const target = writeWholePostgres(address);
  try {
    await requireNoNodes(target.db, address);
    return await target.db.transaction().execute(async (tx) => {
      const occupant = await describeOccupant(tx, target.engine);
      if (occupant !== null && !replace)
        throw new TargetOccupied(`the ${describeAddress(address)}`, occupant, backup.manifest);
      return { ...(await fill(tx, target, options)), replaced: occupant, replacedIn: null };
    });
  } finally {
    await target.close();
  }
}

async function fill(tx: Transaction<unknown>, target: WholeDatabase, options: RestoreOptions): Promise<Recovered> {
  const { backup, path, dataDirectory, migrations, clock, randomBytes, progress } = options;
  const { passphrase, pkcs11 = null, cost = usualCost, keepActivationKeys, revokeApiKeys } = options;
  const { manifest } = backup;
  const { applied } = divideMigrations(migrations, manifest.migrations);
  const now = () => clock.now();
  // The keys come first: what is missing of them shows at once, and the rest may take long.
  const directory = join(dataDirectory, "keys");
  const takeBackKeys = placeKeyFiles(manifest, directory, options.keyFile);
  let keyStore: KeyStore | undefined;
  try {
    keyStore = await openKeys({ directory, passphrase, randomBytes, cost, pkcs11 });
    await writeTables(tx, rowsOf(path, manifest), {
      target,
      tables: manifest.tables,
      migrations,
      applied,
      now,
      progress: (rows) => progress(rows, backup.rows),
    });
    const newId = createIds(now, randomBytes);
    return await recover(tx as unknown as Tx, { backup, keyStore, clock, newId, keepActivationKeys, revokeApiKeys });
  } catch (error) {
    takeBackKeys();
    throw error;
  } finally {
    await keyStore?.close();
  }
}

/** The rows of a backup that was checked, some at a time. Its checksum is compared once more at the end. */
async function* rowsOf(path: string, manifest: BackupManifest): AsyncGenerator<TableRows> {
  const tables = new Map<string, KnownTable>(manifest.tables.map((table) => [table.name, table]));
  const backup = await openBackupFile(path);
  try {
    let table: KnownTable | undefined;
    let rows: Row[] = [];
    for await (const [name, ...row] of backup.rows()) {
      if (table !== undefined && (table.name !== name || rows.length === 500)) {
        yield { table, rows };
        rows = [];
      }
      table = tables.get(name);
      rows.push(row);
    }
    if (table !== undefined && rows.length > 0) yield { table, rows };
  } finally {
    await backup.close();
  }
}

/** What is in a database file; one that cannot be read is worth what its owner says. */
async function describeFile(path: string): Promise<Occupant | null> {
  try {
    const database = await writeWholeSqlite(path); // and with it what its log holds gets into the file
    try {
      return await describeOccupant(database.db as Kysely<unknown>, "sqlite");
    } finally {
      await database.close();
    }
  } catch (error) {
    return { clusterId: null, damaged: error instanceof Error ? error.message : String(error) };
  }
}

/** Keeps a database under another name, in a folder of its own, until somebody removes it. */
function putAside(path: string, dataDirectory: string, now: number): string {
  const name = join(dataDirectory, `replaced-${toRfc3339(now).replaceAll(/[-:]|\.\d+/g, "")}`);
  let folder = name;
  for (let more = 2; existsSync(folder); more++) folder = `${name}-${more}`;
  mkdirSync(folder, { mode: 0o700 });
  for (const suffix of ["", "-wal", "-shm"]) {
    if (existsSync(`${path}${suffix}`)) linkSync(`${path}${suffix}`, join(folder, `postern.db${suffix}`));
  }
  flushDirectory(folder);
  // The log of the old database, which only one that was damaged still has, would be taken for the new one's.
  for (const suffix of ["-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
  flushDirectory(dataDirectory);
  return folder;
}

function removeDatabase(path: string): void {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(`${path}${suffix}`, { force: true });
}
