import { createHash, type Hash } from "node:crypto";
import { type Kysely, sql, type Transaction } from "kysely";
import { dbLimits } from "../db/limits.ts";
import { addMigrations, type Migration, makeSchema, tablesMadeBy } from "../db/migration.ts";
import type { WholeDatabase } from "../db/whole.ts";
import { type KnownTable, type Row, readTable, type Value } from "./read-tables.ts";
import { ruleOf } from "./table-rules.ts";

/** SQLite takes 32,766 parameters in a statement, and PostgreSQL twice that. */
const maxParameters = 30_000;

/** What was written is not what was read: nothing of it is kept. */
export class WrittenOtherwise extends Error {
  override readonly name = "WrittenOtherwise";

  constructor(table: string) {
    super(`The table ${table} does not hold what was written into it. Nothing was changed; try it again.`);
  }
}

/** Rows on their way into a database: table after table, each in the order of its key. */
export interface TableRows {
  readonly table: KnownTable;
  readonly rows: readonly Row[];
}

export interface WriteOptions {
  readonly target: WholeDatabase;
  /** Those whose rows come. */
  readonly tables: readonly KnownTable[];
  /** All migrations of this program. */
  readonly migrations: readonly Migration[];
  /** Those that the rows come with; the others run once the rows are there. */
  readonly applied: readonly Migration[];
  readonly now: () => number;
  /** Told how many rows are written so far. */
  readonly progress: (rows: number) => void;
}

/**
 * Makes the schema anew, in place of whatever tables of ours are there, fills it, and reads all of it back. The caller's
 * transaction has it all or, when it is rolled back, nothing.
 *
 * @throws {WrittenOtherwise, DatabaseError}
 */
export async function writeTables(
  tx: Transaction<unknown>,
  source: AsyncIterable<TableRows>,
  { target, tables, migrations, applied, now, progress }: WriteOptions,
): Promise<void> {
  for (const name of ["migration", ...tablesMadeBy(migrations)]) await dropTable(tx, target, name);
  await makeSchema(tx, applied, { render: target.render, now });
  // Migrations may have made first rows; those that come know better.
  for (const { name } of tables) await sql`delete from ${sql.table(name)}`.execute(tx);
  await target.deferReferences(tx);
  const hashes = new Map<string, Hash>(tables.map(({ name }) => [name, createHash("sha256")]));
  let count = 0;
  for await (const { table, rows } of source) {
    await insertRows(tx, table, rows);
    hashes.get(table.name)?.update(digestInput(rows));
    count += rows.length;
    progress(count);
  }
  await target.checkReferences(tx);
  for (const table of tables) {
    const written = hashes.get(table.name)?.digest("hex");
    if ((await digestOfTable(tx, table)) !== written) throw new WrittenOtherwise(table.name);
  }
  const names = new Set(applied.map(({ name }) => name));
  await addMigrations(
    tx,
    migrations.filter(({ name }) => !names.has(name)),
    { render: target.render, now },
  );
}

async function dropTable(tx: Transaction<unknown>, { engine }: WholeDatabase, name: string): Promise<void> {
  // Their references to each other go with them.
  await sql`drop table if exists ${sql.table(name)} ${sql.raw(engine === "postgres" ? "cascade" : "")}`.execute(tx);
}

async function insertRows(
  tx: Transaction<unknown>,
  { name, columns }: KnownTable,
  rows: readonly Row[],
): Promise<void> {
  const { atOnce: usual = dbLimits.maxRowsPerStatement } = ruleOf(name) ?? {};
  const atOnce = Math.min(usual, Math.floor(maxParameters / columns.length));
  const into = sql`insert into ${sql.table(name)} (${sql.join(columns.map((column) => sql.ref(column)))})`;
  for (let start = 0; start < rows.length; start += atOnce) {
    const values = rows
      .slice(start, start + atOnce)
      .map((row) => sql`(${sql.join(row.map((value) => sql.val(storedValue(value))))})`);
    await sql`${into} values ${sql.join(values)}`.execute(tx);
  }
}

function storedValue(value: Value): string | number | null | Buffer {
  return typeof value === "object" && value !== null ? Buffer.from(value.bytes, "base64") : value;
}

async function digestOfTable(db: Kysely<unknown>, table: KnownTable): Promise<string> {
  const hash = createHash("sha256");
  for await (const rows of readTable(db, table)) hash.update(digestInput(rows));
  return hash.digest("hex");
}

function digestInput(rows: readonly Row[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}
