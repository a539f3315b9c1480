import { Kysely, sql, type Transaction } from "kysely";
import { DatabaseUnusable } from "../database-error.ts";
import type { WholeDatabase } from "../whole.ts";
import { describeAddress, type PostgresAddress } from "./address.ts";
import { applicationName, openConnections } from "./connections.ts";
import { renderPostgresDdl } from "./ddl.ts";
import { postgresDialect } from "./dialect.ts";

/** Opens a database to be read as of one moment, beside the nodes that work on it. */
export function readWholePostgres(address: PostgresAddress): WholeDatabase {
  return whole(address, "begin transaction isolation level repeatable read, read only");
}

/** Opens a database to be written, in one transaction. */
export function writeWholePostgres(address: PostgresAddress): WholeDatabase {
  return whole(address, "begin");
}

/**
 * Refuses a database that nodes work on. One that has just ended may still have a connection on the server's side, so it is
 * looked at for a while.
 *
 * @throws {DatabaseUnusable}
 */
export async function requireNoNodes(db: Kysely<unknown>, address: PostgresAddress): Promise<void> {
  for (let left = looksForNodes; ; left--) {
    const { rows } = await sql<{ count: number }>`
      select count(*) as count from pg_stat_activity
      where datname = current_database() and application_name = ${applicationName} and pid <> pg_backend_pid()`.execute(
      db,
    );
    const count = Number(rows[0]?.count ?? 0);
    if (count === 0) return;
    if (left === 0) {
      throw new DatabaseUnusable(
        `The ${describeAddress(address)} is in use: nodes, or another postern command, have connections to it (${count}). ` +
          "Stop every node first.",
      );
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

const looksForNodes = 20;
const pauseMs = 150;

function whole(address: PostgresAddress, begin: string): WholeDatabase {
  const connections = openConnections(address, { max: 1, maxQueryMs: 0 }); // a large table may take long
  const db = new Kysely<unknown>({ dialect: postgresDialect(connections, begin) });
  return {
    engine: "postgres",
    db,
    render: renderPostgresDdl,
    async deferReferences(tx) {
      await eachReference(tx, "deferrable initially deferred");
      await sql`set constraints all deferred`.execute(tx);
    },
    async checkReferences(tx) {
      await sql`set constraints all immediate`.execute(tx);
      await eachReference(tx, "not deferrable");
    },
    close: () => db.destroy(),
  };
}

async function eachReference(tx: Transaction<unknown>, how: string): Promise<void> {
  const { rows } = await sql<{ name: string; owner: string }>`
    select conname as name, relname as owner from pg_constraint join pg_class on pg_class.oid = conrelid
    where contype = 'f' and connamespace = current_schema()::regnamespace order by relname, conname`.execute(tx);
  for (const { name, owner } of rows) {
    await sql`alter table ${sql.table(owner)} alter constraint ${sql.ref(name)} ${sql.raw(how)}`.execute(tx);
  }
}
