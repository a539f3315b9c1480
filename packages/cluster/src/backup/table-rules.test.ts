import { Kysely } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readWholePostgres } from "../db/postgres/whole.ts";
import { readWholeSqlite } from "../db/sqlite/whole.ts";
import { migrations } from "../schema.ts";
import { addressOf, makeTestDatabase, type TestDatabase } from "../test-database.fixture.ts";
import { findTables } from "./read-tables.ts";
import { tableRules } from "./table-rules.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await makeTestDatabase();
  await (await database.open(migrations)).close();
});
afterAll(() => database.remove());

function keyColumnsOf(table: string): Promise<unknown[]> {
  const sql =
    database.url === null
      ? `select name from pragma_table_info('${table}') where pk > 0 order by pk`
      : `select attname as name from pg_index join pg_attribute on attrelid = indrelid and attnum = any (indkey)
         where indisprimary and indrelid = '${table}'::regclass order by array_position(indkey::int2[], attnum)`;
  return database.query(sql).then((rows) => rows.map(({ name }) => name));
}

async function tablesThere(): Promise<string[]> {
  return (await database.tables()).filter((name) => name !== "migration" && !name.startsWith("sqlite_"));
}

test("every table of the schema has its rule, and no other has one", async () => {
  expect(Object.keys(tableRules).sort()).toEqual((await tablesThere()).sort());
});

test("the key of a rule is its table's primary key", async () => {
  for (const [table, { key }] of Object.entries(tableRules)) expect(await keyColumnsOf(table), table).toEqual(key);
});

test("tables are found with their columns", async () => {
  const whole =
    database.url === null
      ? readWholeSqlite(`${database.directory}/postern.db`)
      : readWholePostgres(addressOf(database.url));
  expect(whole.db).toBeInstanceOf(Kysely);
  const tables = await findTables(whole.db, whole.engine);
  await whole.close();
  expect(tables.map(({ name }) => name).sort()).toEqual((await tablesThere()).sort());
  expect(tables.find(({ name }) => name === "restore_gap")?.columns).toEqual(["id", "from_at", "to_at"]);
});
