import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  PostgresDialect,
  PostgresDriver,
  type PostgresPool,
} from "kysely";
import type { Connections } from "./connections.ts";

/** Kysely on PostgreSQL with our own connections, and `begin` for what starts a transaction on them. */
export function postgresDialect(connections: Connections, begin: string): Dialect {
  return new Postgres(connections, begin);
}

class Postgres extends PostgresDialect {
  readonly #connections: Connections;
  readonly #begin: string;

  constructor(connections: Connections, begin: string) {
    super({ pool: toPool(connections) });
    this.#connections = connections;
    this.#begin = begin;
  }

  override createDriver(): PostgresDriver {
    return new Driver(this.#connections, this.#begin);
  }
}

class Driver extends PostgresDriver {
  readonly #begin: string;

  constructor(connections: Connections, begin: string) {
    super({ pool: toPool(connections) });
    this.#begin = begin;
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    // One message for all of it: no parameters, so the driver uses the protocol that takes several statements.
    await connection.executeQuery(CompiledQuery.raw(this.#begin));
  }
}

/** Kysely's interface also has cursors, which only streaming uses; lists are read page by page instead. */
function toPool(connections: Connections): PostgresPool {
  return connections as unknown as PostgresPool;
}
