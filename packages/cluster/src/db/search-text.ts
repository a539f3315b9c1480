import { type RawBuilder, sql } from "kysely";

/**
 * The form in which names are stored for searching and for "is this name taken": NFKC and lower case, made in code
 * because the engines' own lower-casing disagree outside ASCII.
 */
export function toSearchText(text: string): string {
  return text.normalize("NFKC").toLowerCase();
}

/** The condition "the column of search text contains this". */
export function containsText(column: string, text: string): RawBuilder<boolean> {
  return sql<boolean>`${sql.ref(column)} like ${containsPattern(text)} escape '\\'`;
}

function containsPattern(text: string): string {
  return `%${toSearchText(text).replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)}%`;
}
