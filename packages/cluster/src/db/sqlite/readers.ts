import { DatabaseSync } from "node:sqlite";
import { dbLimits } from "../limits.ts";
import type { SqliteConnection, SqliteConnections } from "./dialect.ts";
import { createStatements, describeFailure, toDatabaseError } from "./statements.ts";

interface Reader extends SqliteConnection {
  close(): void;
}

/**
 * Read-only connections on the main thread: a query of an indexed page takes less than handing it to a thread and
 * back. In WAL mode they never wait for the writer. A further one is opened only while a read transaction holds the
 * others.
 */
export function openReaders(path: string): SqliteConnections {
  const all: Reader[] = [];
  const idle: Reader[] = [];
  const waiting: ((reader: Reader) => void)[] = [];

  return {
    begin: "begin",
    many: true,
    async acquire() {
      const free = idle.pop();
      if (free !== undefined) return free;
      if (all.length < dbLimits.maxReaders) {
        const reader = openReader(path);
        all.push(reader);
        return reader;
      }
      return new Promise<Reader>((resolve) => waiting.push(resolve));
    },
    release(connection) {
      const reader = connection as Reader;
      const next = waiting.shift();
      if (next === undefined) idle.push(reader);
      else next(reader);
    },
    async close() {
      for (const reader of all) reader.close();
    },
  };
}

function openReader(path: string): Reader {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  const run = createStatements(database);
  return {
    run(statements) {
      try {
        return statements.map(run);
      } catch (error) {
        throw toDatabaseError(describeFailure(error));
      }
    },
    close: () => database.close(),
  };
}
