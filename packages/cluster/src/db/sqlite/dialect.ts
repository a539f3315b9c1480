import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { type Statement, statementsOf } from "../statement-batch.ts";
import type { StatementResult } from "./statements.ts";

/** One connection to SQLite, wherever it lives. */
export interface SqliteConnection {
  /** Runs the statements in their order, to the first that fails. */
  run(statements: readonly Statement[]): readonly StatementResult[] | Promise<readonly StatementResult[]>;
}

/** Where connections come from, and what starts a transaction on them. */
export interface SqliteConnections {
  /** `immediate` takes the write lock at once, so that a transaction never fails half-way for want of it. */
  readonly begin: "begin immediate" | "begin";
  readonly many: boolean;
  acquire(): Promise<SqliteConnection>;
  release(connection: SqliteConnection): void;
  close(): Promise<void>;
}

/** Kysely on `node:sqlite`. Kysely's own SQLite dialect expects another driver's interface and one thread. */
export function sqliteDialect(connections: SqliteConnections): Dialect {
  return {
    createAdapter: () => new Adapter(connections.many),
    createDriver: () => new SqliteDriver(connections),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

class Adapter extends SqliteAdapter {
  readonly #many: boolean;

  constructor(many: boolean) {
    super();
    this.#many = many;
  }

  override get supportsMultipleConnections(): boolean {
    return this.#many;
  }

  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class SqliteDriver implements Driver {
  readonly #connections: SqliteConnections;

  constructor(connections: SqliteConnections) {
    this.#connections = connections;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return new Session(await this.#connections.acquire());
  }

  async releaseConnection(session: DatabaseConnection): Promise<void> {
    if (session instanceof Session) this.#connections.release(session.connection);
  }

  async beginTransaction(session: DatabaseConnection): Promise<void> {
    if (session instanceof Session) session.beginWithNext(CompiledQuery.raw(this.#connections.begin));
  }

  async commitTransaction(session: DatabaseConnection): Promise<void> {
    await session.executeQuery(CompiledQuery.raw("commit"));
  }

  async rollbackTransaction(session: DatabaseConnection): Promise<void> {
    if (session instanceof Session) await session.rollBack();
  }

  async savepoint(session: DatabaseConnection, name: string): Promise<void> {
    await savepointCommand(session, "savepoint", name);
  }

  async rollbackToSavepoint(session: DatabaseConnection, name: string): Promise<void> {
    await savepointCommand(session, "rollback to", name);
  }

  async releaseSavepoint(session: DatabaseConnection, name: string): Promise<void> {
    await savepointCommand(session, "release", name);
  }

  async destroy(): Promise<void> {
    await this.#connections.close();
  }
}

class Session implements DatabaseConnection {
  readonly connection: SqliteConnection;
  #begin: readonly Statement[] = [];
  #hasTried = false;

  constructor(connection: SqliteConnection) {
    this.connection = connection;
  }

  /**
   * What starts a transaction goes in one message with its first statement. Should that fail, it goes with the next one
   * again: no statement ever runs outside of the transaction that it was meant for.
   */
  beginWithNext(begin: Statement): void {
    this.#begin = [begin];
    this.#hasTried = false;
  }

  async rollBack(): Promise<void> {
    const isPending = this.#begin.length > 0;
    this.#begin = [];
    if (isPending && !this.#hasTried) return;
    const undone = this.executeQuery(CompiledQuery.raw("rollback"));
    // Where nothing began there is nothing to undo, and the engine says so.
    await (isPending ? undone.catch(() => {}) : undone);
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const begin = this.#begin;
    this.#hasTried = true;
    const together = statementsOf(query.parameters);
    const all = await this.connection.run([...begin, ...(together ?? [query])]);
    this.#begin = [];
    const results = all.slice(begin.length);
    if (together !== undefined) return { rows: results.map(({ rows }) => rows as Row) };
    const [{ rows, changes } = { rows: [], changes: 0 }] = results;
    return { rows: rows as Row[], numAffectedRows: BigInt(changes) };
  }

  // biome-ignore lint/correctness/useYield: Kysely asks for the method; lists are read page by page instead.
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error("Read long lists page by page.");
  }
}

async function savepointCommand(
  session: DatabaseConnection,
  command: "savepoint" | "rollback to" | "release",
  name: string,
): Promise<void> {
  await session.executeQuery(CompiledQuery.raw(`${command} "${name.replaceAll('"', '""')}"`));
}
