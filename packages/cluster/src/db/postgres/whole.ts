import { Kysely, sql, type Transaction } from "kysely";
import type { WholeDatabase } from "../whole.ts";
import type { PostgresAddress } from "./address.ts";
import { openConnections } from "./connections.ts";
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

/** How many connections of nodes there are to a database, our own left out. */
export async function countNodeConnections(db: Kysely<unknown>): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from pg_stat_activity
    where datname = current_database() and application_name = 'postern' and pid <> pg_backend_pid()`.execute(db);
  return Number(rows[0]?.count ?? 0);
}

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
