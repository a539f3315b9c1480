import { type RawBuilder, sql } from "kysely";

/** Where a list goes on: the last row's sort key and its id, which breaks ties. */
export interface KeysetPosition {
  readonly key: string | number;
  readonly id: string;
}

/**
 * The condition "after this row" of a list sorted by `(keyColumn, idColumn)`, the way an index can serve it. The sort
 * columns must be NOT NULL.
 */
export function afterPosition(
  columns: { readonly key: string; readonly id: string },
  direction: "asc" | "desc",
  position: KeysetPosition,
): RawBuilder<boolean> {
  const operator = sql.raw(direction === "asc" ? ">" : "<");
  return sql<boolean>`(${sql.ref(columns.key)}, ${sql.ref(columns.id)}) ${operator} (${position.key}, ${position.id})`;
}
