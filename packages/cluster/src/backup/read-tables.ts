import { type Kysely, sql } from "kysely";
import { dbLimits } from "../db/limits.ts";
import { ruleOf, tableRules } from "./table-rules.ts";

/** A value of a column, the same on every engine; bytes as base64. */
export type Value = string | number | null | { readonly bytes: string };
export type Row = readonly Value[];

/** A table as it is in a database, which may be an older one than this program's. */
export interface KnownTable {
  readonly name: string;
  readonly columns: readonly string[];
}

export interface CountedTable extends KnownTable {
  readonly rows: number;
}

/** The tables of a database that are ours, in the order in which they are written. */
export async function findTables(db: Kysely<unknown>, engine: "sqlite" | "postgres"): Promise<KnownTable[]> {
  const there = await db.introspection.getTables();
  const schema = engine === "postgres" ? await currentSchema(db) : undefined;
  return Object.keys(tableRules).flatMap((name) => {
    const found = there.find((table) => table.name === name && table.schema === schema);
    return found === undefined ? [] : [{ name, columns: found.columns.map((column) => column.name) }];
  });
}

/** The same with the numbers of their rows. */
export async function countTables(db: Kysely<unknown>, tables: readonly KnownTable[]): Promise<CountedTable[]> {
  const counted: CountedTable[] = [];
  for (const table of tables) {
    const { rows } = await sql<{ rows: number }>`select count(*) as rows from ${sql.table(table.name)}`.execute(db);
    counted.push({ ...table, rows: Number(rows[0]?.rows ?? 0) });
  }
  return counted;
}

/** All rows of a table in the order of its key, page by page. */
export async function* readTable(db: Kysely<unknown>, { name, columns }: KnownTable): AsyncGenerator<Row[]> {
  const { key = [], atOnce = dbLimits.maxRowsPerStatement } = ruleOf(name) ?? {};
  const keyColumns = sql.join(key.map((column) => sql.ref(column)));
  const all = sql.join(columns.map((column) => sql.ref(column)));
  let last: Record<string, unknown> | undefined;
  for (;;) {
    const after = last;
    const where =
      after === undefined
        ? sql``
        : sql`where (${keyColumns}) > (${sql.join(key.map((column) => sql.val(after[column])))})`;
    const { rows } = await sql<Record<string, unknown>>`
      select ${all} from ${sql.table(name)} ${where} order by ${keyColumns} limit ${atOnce}`.execute(db);
    if (rows.length > 0) yield rows.map((row) => columns.map((column) => keptValue(name, column, row[column])));
    last = rows.at(-1);
    if (last === undefined || rows.length < atOnce) return;
  }
}

function keptValue(table: string, column: string, value: unknown): Value {
  if (typeof value === "string" || typeof value === "number" || value === null) return value;
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString("base64") };
  throw new Error(`${table}.${column} holds what cannot be kept: ${typeof value}`);
}

async function currentSchema(db: Kysely<unknown>): Promise<string> {
  const { rows } = await sql<{ schema: string }>`select current_schema() as schema`.execute(db);
  return rows[0]?.schema ?? "public";
}
