import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Kysely } from "kysely";
import { type Clock, toRfc3339 } from "../clock.ts";
import { DatabaseUnusable } from "../db/database-error.ts";
import { appliedMigrations, divideMigrations, type Migration } from "../db/migration.ts";
import type { WholeDatabase } from "../db/whole.ts";
import type { Db } from "../schema.ts";
import { type BackupManifest, type TableLine, writeBackupFile } from "./backup-file.ts";
import { type CountedTable, countTables, findTables, readTable } from "./read-tables.ts";
import { ruleOf } from "./table-rules.ts";

export interface MakeBackupOptions {
  readonly source: WholeDatabase;
  readonly migrations: readonly Migration[];
  /** The folder of the key store; its files are in the backup, but not what opens them. */
  readonly keyDirectory: string;
  readonly path: string;
  readonly clock: Clock;
  readonly program: string;
  readonly progress: (rows: number, of: number) => void;
}

export interface MadeBackup {
  readonly manifest: BackupManifest;
  readonly sha256: string;
}

/**
 * Writes all of a cluster as of one moment into a file, while the cluster runs.
 *
 * @throws {DatabaseUnusable} there is no cluster
 * @throws {SchemaMismatch} it is another version's
 * @throws {BackupUnusable} there is a file of that name
 */
export async function makeBackup(options: MakeBackupOptions): Promise<MadeBackup> {
  const { source, keyDirectory, path, progress } = options;
  return source.db.transaction().execute(async (tx) => {
    const manifest = await describe(tx, options, readKeyFiles(keyDirectory));
    const total = manifest.tables.reduce((sum, { rows }) => sum + rows, 0);
    const sha256 = await writeBackupFile(
      path,
      manifest,
      linesOf(tx, manifest.tables, (rows) => progress(rows, total)),
    );
    return { manifest, sha256 };
  });
}

async function describe(
  db: Kysely<unknown>,
  { source, migrations, clock, program }: MakeBackupOptions,
  keyFiles: BackupManifest["keyFiles"],
): Promise<BackupManifest> {
  // Before the first query, which fixes what the transaction sees: what is later than this may be missing.
  const madeAt = toRfc3339(clock.now());
  const applied = await appliedMigrations(db);
  divideMigrations(migrations, applied); // a newer program's tables would be left out without a word
  const tables = (await findTables(db, source.engine)).filter(({ name }) => ruleOf(name)?.inBackups);
  const ours = db as unknown as Db;
  const cluster = tables.some(({ name }) => name === "cluster")
    ? await ours.selectFrom("cluster").select("id").executeTakeFirst()
    : undefined;
  if (cluster === undefined)
    throw new DatabaseUnusable("There is no cluster in this database, and so nothing to back up.");
  return {
    postern: "backup",
    format: 1,
    clusterId: cluster.id,
    madeAt,
    program,
    engine: source.engine,
    migrations: applied.map(({ name, digest }) => ({ name, digest })),
    tables: await countTables(db, tables),
    auditHeads: await ours.selectFrom("audit_chain").select(["chain", "seq", "hash"]).orderBy("chain").execute(),
    keyFiles,
  };
}

async function* linesOf(
  db: Kysely<unknown>,
  tables: readonly CountedTable[],
  progress: (rows: number) => void,
): AsyncGenerator<TableLine[]> {
  let rows = 0;
  for (const table of tables) {
    for await (const page of readTable(db, table)) {
      yield page.map((row) => [table.name, ...row] as const);
      rows += page.length;
      progress(rows);
    }
  }
}

/** How the store is protected, and each key, sealed; never `store.key`, which opens them. */
function readKeyFiles(directory: string): BackupManifest["keyFiles"] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  return names
    .filter(isKeyFile)
    .sort()
    .map((name) => ({ name, content: readFileSync(join(directory, name), "utf8") }));
}

/** A file of the key store that may go into a backup and come out of one: a name that no path would obey. */
export function isKeyFile(name: string): boolean {
  return name === "store.json" || /^[\w-]{43}\.json$/.test(name);
}
