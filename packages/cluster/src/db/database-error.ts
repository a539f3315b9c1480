/** What kind of rule of the database a statement broke. */
export type DatabaseErrorKind = "unique" | "foreign_key" | "check" | "full" | "other";

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

/** The database's files cannot be opened or read. The message says what to do. */
export class DatabaseUnusable extends Error {
  override readonly name = "DatabaseUnusable";
}
