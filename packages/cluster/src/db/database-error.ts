/**
 * What kind of rule of the database a statement broke. `conflict`: the transaction was undone because of another one,
 * and may do better when it runs again. `unavailable`: the database did not answer.
 */
export type DatabaseErrorKind = "unique" | "foreign_key" | "check" | "full" | "conflict" | "unavailable" | "other";

/** A statement that the database refused; the same on every engine. */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError";
  readonly kind: DatabaseErrorKind;

  constructor(kind: DatabaseErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** True when the statement would have stored a second row with a key that must be unique. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof DatabaseError && error.kind === "unique";
}

/** True when the whole transaction may be run again: it has left nothing behind. */
export function isConflict(error: unknown): boolean {
  return error instanceof DatabaseError && error.kind === "conflict";
}

/** The database cannot be opened or read. The message says what to do. */
export class DatabaseUnusable extends Error {
  override readonly name = "DatabaseUnusable";
}
