import { DatabaseError, type DatabaseErrorKind } from "../database-error.ts";

/**
 * What the driver throws, as the same error that every engine gives. Only the message is kept: PostgreSQL's `detail`
 * holds values of rows.
 */
export function toDatabaseError(error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new DatabaseError(kindOf(sqlStateOf(error)), message);
}

/** After such a failure nobody knows in which state the connection is: it is not used again. */
export function isConnectionLost(error: unknown): boolean {
  return kindOf(sqlStateOf(error)) === "unavailable";
}

/** A statement that came after one that failed in the same transaction (in_failed_sql_transaction). */
export function isRefusedForAnother(error: unknown): boolean {
  return sqlStateOf(error) === "25P02";
}

function sqlStateOf(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  // Each has a digit; EPIPE, of the operating system, has five letters too, and says that the server is gone.
  return typeof code === "string" && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** SQLSTATE (PostgreSQL's appendix "Error Codes") as kinds that mean the same on every engine. */
function kindOf(state: string | undefined): DatabaseErrorKind {
  // No SQLSTATE: refused, cut off or too late, before the server said anything.
  if (state === undefined || /^(08|57P|53300)/.test(state)) return "unavailable";
  switch (state) {
    case "57014": // query_canceled: over its time limit
    case "55P03": // lock_not_available
    case "25P03": // idle_in_transaction_session_timeout
      return "unavailable";
    case "23505": // unique_violation
      return "unique";
    case "23503": // foreign_key_violation
      return "foreign_key";
    case "23514": // check_violation
    case "23502": // not_null_violation
      return "check";
    case "53100": // disk_full
      return "full";
    case "40001": // serialization_failure
    case "40P01": // deadlock_detected
      return "conflict";
    default:
      return "other";
  }
}
