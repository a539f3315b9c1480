import { createAudit } from "../audit/record.ts";
import type { Clock } from "../clock.ts";
import { Deferred, openDeferrals } from "../db/commit-lane.ts";
import { DatabaseUnusable } from "../db/database-error.ts";
import { createIds, type RandomBytes } from "../db/ids.ts";
import { appliedMigrations, divideMigrations, type Migration } from "../db/migration.ts";
import { describeAddress, type PostgresAddress } from "../db/postgres/address.ts";
import { requireNoNodes, writeWholePostgres } from "../db/postgres/whole.ts";
import { lockDataDirectory } from "../db/sqlite/data-lock.ts";
import { readWholeSqlite } from "../db/sqlite/whole.ts";
import type { WholeDatabase } from "../db/whole.ts";
import { systemOrigin } from "../http/origin.ts";
import type { Database, Db, Tx } from "../schema.ts";
import { countTables, findTables, type KnownTable, readTable } from "./read-tables.ts";
import { describeOccupant, TargetOccupied } from "./target.ts";
import { type TableRows, WrittenOtherwise, writeTables } from "./write-tables.ts";

export interface CopyOptions {
  /** The data directory whose database is copied. */
  readonly from: string;
  readonly path: string;
  readonly to: PostgresAddress;
  readonly migrations: readonly Migration[];
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly progress: (rows: number, of: number) => void;
}

export interface Copied {
  readonly clusterId: string;
  readonly rows: number;
  readonly tables: number;
  readonly auditHeads: readonly { readonly chain: string; readonly seq: number; readonly hash: string }[];
}

/**
 * Copies a cluster from its data directory to an empty database on PostgreSQL, every row as it is, the audit log's bytes
 * among them; all of it or, whatever fails and whenever it is killed, nothing. What was written is read back and
 * compared before it counts.
 *
 * @throws {DataDirectoryInUse} a node works on the data directory
 * @throws {TargetOccupied} there is a cluster in the database
 * @throws {DatabaseUnusable, SchemaMismatch, WrittenOtherwise}
 */
export async function copyToPostgres(options: CopyOptions): Promise<Copied> {
  const lock = lockDataDirectory(options.from);
  try {
    const source = readWholeSqlite(options.path);
    try {
      return await source.db.transaction().execute((from) => copyInto(source, from as unknown as Db, options));
    } finally {
      await source.close();
    }
  } finally {
    lock.release();
  }
}

async function copyInto(source: WholeDatabase, from: Db, options: CopyOptions): Promise<Copied> {
  const { to, migrations, clock, randomBytes, progress } = options;
  const { applied, missing } = divideMigrations(migrations, await appliedMigrations(from));
  if (applied.length === 0 || (await from.selectFrom("cluster").select("id").executeTakeFirst()) === undefined) {
    throw new DatabaseUnusable(`There is no cluster in ${options.path}, and so nothing to copy.`);
  }
  const whole = from as unknown as WholeDatabase["db"];
  const tables = await countTables(whole, await findTables(whole, source.engine));
  const total = tables.reduce((sum, { rows }) => sum + rows, 0);
  const target = writeWholePostgres(to);
  try {
    await requireNoNodes(target.db, to);
    return await target.db.transaction().execute(async (tx) => {
      const occupant = await describeOccupant(tx, target.engine);
      if (occupant !== null) throw new TargetOccupied(`the ${describeAddress(to)}`, occupant, null);
      const now = () => clock.now();
      await writeTables(tx, rowsOf(whole, tables), {
        target,
        tables,
        migrations,
        applied,
        now,
        progress: (rows) => progress(rows, total),
      });
      await requireSameCounts(tx, tables, missing);
      const ours = tx as unknown as Tx;
      const { id: clusterId } = await ours.selectFrom("cluster").select("id").executeTakeFirstOrThrow();
      const heads = (db: Db) => db.selectFrom("audit_chain").selectAll().orderBy("chain").execute();
      const auditHeads = await heads(ours);
      if (JSON.stringify(auditHeads) !== JSON.stringify(await heads(from))) throw new WrittenOtherwise("audit_chain");
      await enter(ours, clusterId, total, options, createIds(now, randomBytes));
      return { clusterId, rows: total, tables: tables.length, auditHeads };
    });
  } finally {
    await target.close();
  }
}

/** Of a database that was up to date; migrations that ran after the copy may have made rows of their own. */
async function requireSameCounts(
  tx: WholeDatabase["db"],
  tables: readonly (KnownTable & { readonly rows: number })[],
  missing: readonly Migration[],
): Promise<void> {
  if (missing.length > 0) return; // then each table was compared with its source before they ran
  for (const { name, rows } of await countTables(tx, tables)) {
    if (rows !== tables.find((table) => table.name === name)?.rows) throw new WrittenOtherwise(name);
  }
}

async function enter(
  tx: Tx,
  clusterId: string,
  rows: number,
  { to, clock }: CopyOptions,
  newId: () => string,
): Promise<void> {
  openDeferrals(tx);
  createAudit(clock, newId).record(tx, {
    tenantId: null,
    action: "cluster.copy",
    outcome: "done",
    origin: systemOrigin,
    target: { kind: "cluster", id: clusterId },
    why: "copied to PostgreSQL",
    details: { to: describeAddress(to), rows },
  });
  const deferred = new Deferred<Database>();
  deferred.takeFrom(tx);
  await deferred.append(tx);
}

async function* rowsOf(db: WholeDatabase["db"], tables: readonly KnownTable[]): AsyncGenerator<TableRows> {
  for (const table of tables) for await (const rows of readTable(db, table)) yield { table, rows };
}
