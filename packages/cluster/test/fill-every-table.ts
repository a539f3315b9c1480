import { DatabaseSync } from "node:sqlite";

/** Rows of each table: more than are read or written at once, in one of them at least. */
const rowsOf = (table: string) => (table === "journal_entry" ? 1_234 : table === "agent_package_part" ? 40 : 3);

/**
 * Fills every table of a SQLite database that is empty with made-up rows, whatever tables and columns there are: its keys,
 * references and checks are read from the schema. So a table that is added later is filled, too.
 *
 * @returns how many rows each table has
 */
export function fillEveryTable(path: string): ReadonlyMap<string, number> {
  const database = new DatabaseSync(path);
  database.exec("begin; pragma defer_foreign_keys = on");
  const tables = database
    .prepare(
      "select name, sql from sqlite_schema where type = 'table' and name not in ('migration') and name not like 'sqlite_%'",
    )
    .all() as { name: string; sql: string }[];
  for (const table of tables) {
    database.exec(`delete from ${table.name}`);
    for (let row = 0; row < rowsOf(table.name); row++) if (!isFull(table.sql, row)) insertRow(database, table, row);
  }
  database.exec("commit");
  const counts = tables.map(({ name }) => {
    const { rows } = database.prepare(`select count(*) as rows from ${name}`).get() as { rows: number };
    return [name, rows] as const;
  });
  database.close();
  return new Map(counts);
}

/** A table that may have one row only says so in its check. */
function isFull(sql: string, row: number): boolean {
  return /check \(id = 1\)/.test(sql) && row > 0;
}

function insertRow(database: DatabaseSync, { name, sql }: { name: string; sql: string }, row: number): void {
  const columns = database
    .prepare(`select name, type, "notnull" as needed, pk from pragma_table_info('${name}')`)
    .all() as {
    name: string;
    type: string;
    needed: number;
    pk: number;
  }[];
  const references = new Map(
    (
      database.prepare(`select "from" as name, "table" as parent from pragma_foreign_key_list('${name}')`).all() as {
        name: string;
        parent: string;
      }[]
    ).map((reference) => [reference.name, reference.parent]),
  );
  const values = columns.map((column) => {
    const parent = references.get(column.name);
    // As that row's key was made, whether it is there yet or not.
    if (parent !== undefined) return textOf(parent, "id", row % rowsOf(parent));
    if (column.needed === 0 && column.pk === 0 && row === 1) return null;
    const words = new RegExp(`${column.name} \\w+(?: not null)? check \\(${column.name} in \\(([^)]*)\\)`).exec(
      sql,
    )?.[1];
    if (words !== undefined) return wordOf(words, row);
    if (column.type.toLowerCase() === "text") return textOf(name, column.name, row);
    if (column.type.toLowerCase() === "blob") return Buffer.from([row, 0, 0xff, 0x0a]);
    return /check \(id = 1\)/.test(sql) ? 1 : 1_795_520_044_951 + row;
  });
  const holes = columns.map(() => "?").join(", ");
  database.prepare(`insert into ${name} values (${holes})`).run(...values);
}

function wordOf(list: string, row: number): string | number {
  const words = list.split(",").map((word) => word.trim());
  const word = words[row % words.length] ?? "";
  return word.startsWith("'") ? word.slice(1, -1) : Number(word);
}

/** Distinct, and with what a database or a file might not keep. */
function textOf(table: string, column: string, row: number): string {
  return `${String(row).padStart(5, "0")} ${table}.${column} 'ö€𝄞' "\\" \u2028\r\n\t`;
}
