import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { DatabaseError, type DatabaseErrorKind } from "../database-error.ts";
import { dbLimits } from "../limits.ts";
import type { Statement } from "../statement-batch.ts";

/** What one statement gave: rows, or the number of rows it changed. */
export interface StatementResult {
  readonly rows: unknown[];
  readonly changes: number;
}

/** A refusal of SQLite in a form that crosses from the writer's thread. */
export interface StatementFailure {
  readonly kind: DatabaseErrorKind;
  readonly message: string;
}

export type RunStatement = (statement: Statement) => StatementResult;

/** Runs statements on one connection and keeps the prepared ones, the least recently used making room. */
export function createStatements(database: DatabaseSync): RunStatement {
  const prepared = new Map<string, { statement: StatementSync; returnsRows: boolean }>();

  function prepare(sql: string): { statement: StatementSync; returnsRows: boolean } {
    const known = prepared.get(sql);
    if (known !== undefined) {
      prepared.delete(sql);
      prepared.set(sql, known);
      return known;
    }
    const statement = database.prepare(sql);
    const entry = { statement, returnsRows: statement.columns().length > 0 };
    prepared.set(sql, entry);
    if (prepared.size > dbLimits.maxPreparedStatements) {
      const oldest = prepared.keys().next();
      if (!oldest.done) prepared.delete(oldest.value);
    }
    return entry;
  }

  return ({ sql, parameters }) => {
    const { statement, returnsRows } = prepare(sql);
    const values = parameters as readonly SQLInputValue[];
    if (returnsRows) {
      const rows = statement.all(...values);
      return { rows, changes: rows.length };
    }
    return { rows: [], changes: Number(statement.run(...values).changes) };
  };
}

/** SQLite's extended result codes (https://sqlite.org/rescode.html) as kinds that mean the same on every engine. */
export function describeFailure(error: unknown): StatementFailure {
  const message = error instanceof Error ? error.message : String(error);
  const code = typeof error === "object" && error !== null && "errcode" in error ? error.errcode : undefined;
  return { kind: kindOf(code), message };
}

export function toDatabaseError(failure: StatementFailure): DatabaseError {
  return new DatabaseError(failure.kind, failure.message);
}

function kindOf(code: unknown): DatabaseErrorKind {
  switch (code) {
    case 1555: // SQLITE_CONSTRAINT_PRIMARYKEY
    case 2067: // SQLITE_CONSTRAINT_UNIQUE
    case 2579: // SQLITE_CONSTRAINT_ROWID
      return "unique";
    case 787: // SQLITE_CONSTRAINT_FOREIGNKEY
      return "foreign_key";
    case 275: // SQLITE_CONSTRAINT_CHECK
    case 1299: // SQLITE_CONSTRAINT_NOTNULL
      return "check";
    case 13: // SQLITE_FULL
      return "full";
    default:
      return "other";
  }
}
