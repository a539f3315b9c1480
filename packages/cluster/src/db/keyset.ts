import { type RawBuilder, type SelectQueryBuilder, sql } from "kysely";

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

/** Which rows of a sorted list are wanted. */
export interface KeysetPage {
  readonly limit: number;
  readonly direction: "asc" | "desc";
  /** The page begins after this row; null: at the beginning. */
  readonly after: KeysetPosition | null;
}

/** Cuts a query to one page, sorted, and one row more: whether there is that row says whether the list goes on. */
export function onPage<DB, TB extends keyof DB, Row>(
  query: SelectQueryBuilder<DB, TB, Row>,
  columns: { readonly key: string; readonly id: string },
  { limit, direction, after }: KeysetPage,
): SelectQueryBuilder<DB, TB, Row> {
  const from = after === null ? query : query.where(afterPosition(columns, direction, after));
  return from
    .orderBy(sql.ref(columns.key), direction)
    .orderBy(sql.ref(columns.id), direction)
    .limit(limit + 1);
}
