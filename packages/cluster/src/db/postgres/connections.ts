import pg from "pg";
import type { DatabaseError } from "../database-error.ts";
import { postgresLimits } from "../limits.ts";
import { type Statement, statementsOf } from "../statement-batch.ts";
import type { PostgresAddress } from "./address.ts";
import { isConnectionLost, isRefusedForAnother, toDatabaseError } from "./failures.ts";

/** By which the server's list of connections shows ours. */
export const applicationName = "postern";

/** The driver's own settings for an address. Nothing is set for the session: a pooler may hand it to somebody else. */
export function clientConfig(address: PostgresAddress, maxQueryMs: number): pg.ClientConfig {
  const { host, port, database, user, password, tls } = address;
  return {
    host,
    port,
    database,
    user,
    ...(password !== undefined && { password }),
    ssl: tls === null ? false : { rejectUnauthorized: true, ...(tls.ca !== null && { ca: tls.ca }) },
    application_name: applicationName,
    connectionTimeoutMillis: postgresLimits.connectWithinMs,
    query_timeout: maxQueryMs,
    keepAlive: true,
    types: { getTypeParser },
  };
}

export interface PoolOptions {
  readonly max: number;
  readonly maxQueryMs: number;
  /** Statements that belong together are sent without waiting for an answer between. */
  readonly pipeline?: boolean;
  /** Refuses a statement before it is sent. */
  readonly check?: (sql: string) => void;
}

/** Connections as Kysely's driver takes them, whose errors are ours and which are thrown away once they are doubtful. */
export interface Connections {
  connect(): Promise<Connection>;
  end(): Promise<void>;
  readonly options: object;
}

interface Connection {
  query(sql: string, parameters: readonly unknown[]): Promise<unknown>;
  release(destroy?: boolean): void;
}

export function openConnections(
  address: PostgresAddress,
  { max, maxQueryMs, pipeline = false, check }: PoolOptions,
): Connections {
  const pool = new pg.Pool({ ...clientConfig(address, maxQueryMs), pipeline, max, idleTimeoutMillis: 60_000 });
  // One that breaks while nobody uses it leaves the pool by itself; while it is used, the query under way fails.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return {
    options: {},
    end: () => pool.end(),
    async connect() {
      const client = await pool.connect().catch((error: unknown) => {
        throw toDatabaseError(error);
      });
      let doubtful = false;
      let failure: DatabaseError | undefined;
      async function ask({ sql, parameters }: Statement): Promise<pg.QueryResult<object>> {
        try {
          return await client.query<object>(sql, parameters as unknown[]);
        } catch (error) {
          // A transaction that could not begin is still open on this connection, and refuses all that follows.
          doubtful ||= isConnectionLost(error) || sql.startsWith("begin");
          // What was sent before the failure was known is refused for it, without a word of what it was.
          if (failure === undefined || !isRefusedForAnother(error)) failure = toDatabaseError(error);
          throw failure;
        }
      }
      return {
        async query(sql, parameters) {
          const together = statementsOf(parameters);
          check?.(sql);
          return together === undefined ? ask({ sql, parameters }) : { rows: await runTogether(together, ask) };
        },
        release: (destroy) => client.release(doubtful || destroy === true),
      };
    },
  };
}

/** Sent one after the other without waiting for an answer between. Resolves, or fails, when all of them were answered. */
async function runTogether(
  statements: readonly Statement[],
  ask: (statement: Statement) => Promise<pg.QueryResult<object>>,
): Promise<unknown[][]> {
  const answers = await Promise.allSettled(statements.map(ask));
  return answers.map((answer) => {
    if (answer.status === "rejected") throw answer.reason;
    return answer.value.rows;
  });
}

/** int8 as a number, as on SQLite, and bytes without Node's own Buffer around them. Everything else as it comes. */
function getTypeParser(oid: number, format?: unknown): (value: string) => unknown {
  if (oid === pg.types.builtins.INT8) return toSafeInteger;
  const usual = pg.types.getTypeParser(oid, format as "text");
  if (oid === pg.types.builtins.BYTEA) return (value) => new Uint8Array(usual(value) as Buffer);
  return usual;
}

function toSafeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new Error(`${text} cannot be a number without losing digits`);
  return value;
}
