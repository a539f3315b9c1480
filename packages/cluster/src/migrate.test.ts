import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadConfig } from "./config/config.ts";
import { migrate, planMigration } from "./migrate.ts";
import { runMigrate } from "./node-runs.ts";
import { migrations } from "./schema.ts";
import { makeTestDatabase, type TestDatabase } from "./test-database.fixture.ts";

const names = migrations.map(({ name }) => name);
let database: TestDatabase;

beforeEach(async () => {
  database = await makeTestDatabase();
});
afterEach(() => database.remove());

function env(): Record<string, string> {
  return { POSTERN_DATA: join(database.directory), ...(database.url !== null && { DATABASE_URL: database.url }) };
}

const config = () => loadConfig({ flags: {}, env: env(), file: null });

/** What `postern migrate` prints. */
async function run(flags: { dryRun?: true } = {}): Promise<string> {
  let printed = "";
  const print = (text: string) => {
    printed += text;
  };
  const terminal = { env: env(), print, say: print, now: () => 1 } as Parameters<typeof runMigrate>[0]["terminal"];
  const clock = { now: () => 1 };
  await runMigrate({ terminal, clock, randomBytes: (length) => new Uint8Array(length), version: "0" }, flags);
  return printed;
}

test("says first what it would do, then does it, then has nothing to do", async () => {
  expect(await run({ dryRun: true })).toBe(
    `Would be run, in this order:\n${names.map((name) => `  ${name}\n`).join("")}Nothing was changed.\n`,
  );
  expect(await planMigration(config()), "nothing was changed").toEqual(names);
  expect(await run()).toBe(`Run, in this order:\n${names.map((name) => `  ${name}\n`).join("")}`);
  expect(await database.tables()).toContain("agent_token");
  expect(await run({ dryRun: true })).toBe("The schema is up to date; there is nothing to do.\n");
  expect(await run()).toBe("The schema is up to date; there is nothing to do.\n");
});

test("goes on where an earlier version stopped", async () => {
  await (await database.open(migrations.slice(0, 3))).close();
  expect(await planMigration(config())).toEqual(names.slice(3));
  expect(await migrate(config(), () => 1)).toEqual(names.slice(3));
});

test("a database of a newer version is left alone", async () => {
  await (await database.open([...migrations, { name: "later-1", statements: [] }])).close();
  await expect(planMigration(config())).rejects.toThrow(/newer than this program.*"later-1"/);
  await expect(migrate(config(), () => 1)).rejects.toThrow(/newer than this program/);
});
