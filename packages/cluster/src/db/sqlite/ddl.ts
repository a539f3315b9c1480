/**
 * A migration's statement for SQLite: every table is STRICT, so that a wrong type is refused instead of stored.
 */
export function renderSqliteDdl(statement: string): string {
  const typed = statement
    .replaceAll(/\bint8\b/g, "integer")
    .replaceAll(/\bbytes\b/g, "blob")
    .replaceAll(/\b(\w+)\s+flag\b/g, "$1 integer check ($1 in (0, 1))");
  if (!/^\s*create table\b/i.test(typed)) return typed;
  return `${typed.trimEnd().replace(/\) clustered$/, ") without rowid,")} strict`;
}
