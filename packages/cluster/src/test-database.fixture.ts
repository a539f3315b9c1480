import { randomBytes } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import type { Migration } from "./db/migration.ts";
import type { PostgresAddress } from "./db/postgres/address.ts";
import { clientConfig } from "./db/postgres/connections.ts";
import { openPostgresStore } from "./db/postgres/open.ts";
import { openSqliteStore } from "./db/sqlite/open.ts";
import type { Store } from "./db/store.ts";
import { tenantColumns } from "./tenant-columns.ts";

/** The PostgreSQL server of this run; `npm run test:postgres` starts one and runs the same tests on it. */
const server = process.env["POSTERN_TEST_POSTGRES"];

export const engine: "sqlite" | "postgres" = server === undefined ? "sqlite" : "postgres";

/** A file of SQLite's with the whole schema and nothing else, which this run has made. */
const migratedFile = process.env["POSTERN_TEST_SQLITE"];

type Row = Record<string, unknown>;

export interface TestDatabase {
  /** A directory of its own; on SQLite the database is in it. */
  readonly directory: string;
  /** Null on SQLite. */
  readonly url: string | null;
  open<DB>(migrations: readonly Migration[]): Promise<Store<DB>>;
  /** Asks and changes the database past all of our code, as somebody with it in his hands could. */
  query(sql: string): Promise<Row[]>;
  tables(): Promise<string[]>;
  remove(): Promise<void>;
}

/** A database on this run's engine: empty, or `migrated`, with the whole schema, where the test is not about making it. */
export async function makeTestDatabase(kind: "empty" | "migrated" = "empty"): Promise<TestDatabase> {
  const root = mkdtempSync(join(tmpdir(), "postern-test-"));
  const directory = join(root, "data");
  mkdirSync(directory, { mode: 0o700 });
  const database = server === undefined ? inDirectory(directory, kind) : await onServer(kind);
  return {
    directory,
    ...database,
    async remove() {
      await database.remove();
      rmSync(root, { recursive: true });
    },
  };
}

/** The database on the server of this run that has the whole schema and nothing else; nobody is ever connected to it. */
export const migratedTemplate = "postern_migrated";

/** A database on the server of this run, whichever engine the test is otherwise about. */
export async function makePostgresDatabase(
  kind: "empty" | "migrated" = "empty",
): Promise<{ readonly url: string; drop(): Promise<void> }> {
  if (server === undefined) throw new Error("There is no PostgreSQL; run this with npm run test:postgres.");
  const name = `test_${randomBytes(8).toString("hex")}`;
  const template = kind === "migrated" ? migratedTemplate : "template0";
  await queryPostgres(`${server}/postgres`, `create database ${name} template ${template}`);
  return {
    url: `${server}/${name}`,
    drop: async () => void (await queryPostgres(`${server}/postgres`, `drop database ${name} with (force)`)),
  };
}

export async function queryPostgres(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client(clientConfig(addressOf(url), 30_000));
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

export function addressOf(url: string): PostgresAddress {
  const { hostname, port, username, pathname } = new URL(url);
  return { host: hostname, port: Number(port), user: username, database: pathname.slice(1), tls: null };
}

type EngineParts = Omit<TestDatabase, "directory">;

function inDirectory(directory: string, kind: "empty" | "migrated"): EngineParts {
  if (kind === "migrated" && migratedFile !== undefined) copyFileSync(migratedFile, join(directory, "postern.db"));
  const query = async (sql: string): Promise<Row[]> => {
    const database = new DatabaseSync(join(directory, "postern.db"), { timeout: 5_000 });
    try {
      return database.prepare(sql).all();
    } finally {
      database.close();
    }
  };
  const onDeath = (error: Error) => {
    throw error;
  };
  return {
    url: null,
    open: (migrations) => openSqliteStore({ directory, migrations, tenantColumns, now: () => 1, onDeath }),
    query,
    tables: async () => namesOf(await query("select name from sqlite_schema where type = 'table' order by name")),
    remove: async () => {},
  };
}

async function onServer(kind: "empty" | "migrated"): Promise<EngineParts> {
  const { url, drop } = await makePostgresDatabase(kind);
  const address = addressOf(url);
  const query = (sql: string) => queryPostgres(url, sql);
  return {
    url,
    open: (migrations) =>
      openPostgresStore({ address, listenAddress: address, migrations, tenantColumns, now: () => 1 }),
    query,
    tables: async () =>
      namesOf(await query("select tablename as name from pg_tables where schemaname = 'public' order by 1")),
    remove: drop,
  };
}

function namesOf(rows: readonly Row[]): string[] {
  return rows.map(({ name }) => String(name));
}
