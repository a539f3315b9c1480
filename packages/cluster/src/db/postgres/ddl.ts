/**
 * A migration's statement for PostgreSQL: text sorts and compares by its bytes, as on SQLite, whatever the database's
 * own collation is.
 */
export function renderPostgresDdl(statement: string): string {
  return statement
    .replace(/\) clustered\s*$/, ")")
    .replaceAll(/\b(\w+) ->> /g, "$1::json ->> ")
    .replaceAll(/\b(\w+)\s+text\b/g, '$1 text collate "C"')
    .replaceAll(/\b(\w+)\s+bytes\b/g, "$1 bytea")
    .replaceAll(/\b(\w+)\s+flag\b/g, "$1 int2 check ($1 in (0, 1))");
}
