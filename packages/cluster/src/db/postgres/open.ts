import { HandleEmptyInListsPlugin, Kysely, replaceWithNoncontingentExpression } from "kysely";
import { DatabaseError, DatabaseUnusable } from "../database-error.ts";
import { countFailure, createGroupCommit } from "../group-commit.ts";
import { postgresLimits } from "../limits.ts";
import { applyMigrations, type Migration, missingMigrations } from "../migration.ts";
import type { Store } from "../store.ts";
import { type TenantColumns, tenantGuard } from "../tenant-guard.ts";
import { describeAddress, type PostgresAddress } from "./address.ts";
import { openConnections } from "./connections.ts";
import { renderPostgresDdl } from "./ddl.ts";
import { postgresDialect } from "./dialect.ts";
import { openSignals } from "./signals.ts";

export interface OpenPostgresOptions {
  readonly address: PostgresAddress;
  /** For the connection that listens, which must go to the server itself, past any pooler. */
  readonly listenAddress: PostgresAddress;
  readonly migrations: readonly Migration[];
  readonly tenantColumns: TenantColumns;
  readonly now: () => number;
}

/** Nobody else writes, nor migrates, until the transaction ends; reading goes on. Needs no row that could be missing. */
const takeTurn = "lock table migration in exclusive mode";

/**
 * Opens a database on PostgreSQL and brings its schema up to date. Any number of nodes may have it open.
 *
 * Nodes take turns at writing, a whole group of works each turn. So a work sees the database as nobody else is
 * changing it, exactly as on SQLite: what it has read still holds when it writes.
 *
 * @throws {DatabaseUnusable} when the server cannot be reached, or refuses
 * @throws {SchemaMismatch} when a newer program made the database
 */
export async function openPostgresStore<DB>(options: OpenPostgresOptions): Promise<Store<DB>> {
  const { address, listenAddress } = options;
  await migratePostgres(options);

  const { maxReaders, maxReadMs, maxWriteMs, maxIdleInTransactionMs } = postgresLimits;
  const limits = [
    `set local statement_timeout = ${maxWriteMs}`,
    `set local idle_in_transaction_session_timeout = ${maxIdleInTransactionMs}`,
  ];
  const begin = ["begin", ...limits, takeTurn].join("; ");
  const failures = { count: 0, conflicts: 0 };
  const plugins = [tenantGuard(options.tenantColumns), emptyLists];
  const writes = new Kysely<DB>({
    // The server ends a statement in time by itself; the driver's own limit is for a server that is gone.
    dialect: postgresDialect(openConnections(address, { max: 1, maxQueryMs: 2 * maxWriteMs, pipeline: true }), begin),
    plugins,
    log: (event) => {
      if (event.level === "error") countFailure(failures, event.error);
    },
  });
  const readers = openConnections(address, { max: maxReaders, maxQueryMs: maxReadMs, check: refuseWrites });
  const reads = new Kysely<DB>({
    dialect: postgresDialect(readers, "begin transaction isolation level repeatable read, read only"),
    plugins,
  });
  const group = createGroupCommit(writes, failures);
  return {
    reads,
    durable: group.durable,
    leave: group.leave,
    signals: openSignals<DB>(listenAddress),
    async close() {
      await group.close();
      await reads.destroy();
      await writes.destroy();
    },
  };
}

/** Brings the schema up to date. @returns the names of the migrations that ran */
export function migratePostgres({
  address,
  migrations,
  now,
}: Pick<OpenPostgresOptions, "address" | "migrations" | "now">): Promise<string[]> {
  return withDatabase(address, (db) =>
    applyMigrations(db, { migrations, render: renderPostgresDdl, lock: takeTurn, now }),
  );
}

/** What {@link migratePostgres} would do; changes nothing. */
export async function planPostgres({
  address,
  migrations,
}: Pick<OpenPostgresOptions, "address" | "migrations">): Promise<string[]> {
  const missing = await withDatabase(address, (db) => missingMigrations(db, migrations));
  return missing.map(({ name }) => name);
}

/** A connection without time limits: a migration may take long, and wait for another node's. */
async function withDatabase<T>(address: PostgresAddress, use: (db: Kysely<unknown>) => Promise<T>): Promise<T> {
  const db = new Kysely<unknown>({
    dialect: postgresDialect(openConnections(address, { max: 1, maxQueryMs: 0 }), "begin"),
  });
  try {
    return await use(db);
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    throw new DatabaseUnusable(
      `The ${describeAddress(address)} cannot be used (${error.message}). ` +
        "Check DATABASE_URL, that the server runs and takes connections from here, and that this user may create tables.",
      { cause: error },
    );
  } finally {
    await db.destroy();
  }
}

const emptyLists = new HandleEmptyInListsPlugin({ strategy: replaceWithNoncontingentExpression });

/**
 * Reads go outside of transactions, where the server can be told "read only" for the session alone, and the session may
 * be a pooler's. So it is looked at here: the features' queries are Kysely's, and begin with what they do.
 */
function refuseWrites(sql: string): void {
  if (/^(select|begin|commit|rollback)\b/.test(sql)) return;
  throw new DatabaseError("other", "reads do not write; use durable()");
}
