import { createHash } from "node:crypto";
import { type TProperties, type TSchema, Type } from "typebox";
import type { KeysetPosition } from "../db/keyset.ts";
import { httpLimits } from "./limits.ts";
import { Problem } from "./problems.ts";
import { closed, nullable, oneOf } from "./schema.ts";

/** The query of a list: its filters, and `limit`, `cursor`, `sort`. */
export function listQuery<const Filters extends TProperties, const Field extends string>(
  filters: Filters,
  sortFields: readonly Field[],
) {
  const sorts = sortFields.flatMap((field): (Field | `-${Field}`)[] => [field, `-${field}`]);
  return closed({
    ...filters,
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: httpLimits.maxPageItems, default: httpLimits.defaultPageItems }),
    ),
    cursor: Type.Optional(Type.String({ maxLength: httpLimits.maxCursorLength })),
    sort: Type.Optional(oneOf(sorts)),
  });
}

/** The answer of a list. */
export function listOf<Item extends TSchema>(item: Item) {
  return Type.Object({ items: Type.Array(item), nextCursor: nullable(Type.String()) });
}

/** Which page of which list is asked for. */
export interface PageRequest<Field extends string> {
  readonly limit: number;
  readonly field: Field;
  readonly direction: "asc" | "desc";
  /** The page begins after this row; null: at the beginning. */
  readonly after: KeysetPosition | null;
  /** What a cursor of this list is bound to. */
  readonly binding: string;
}

interface ListQuery {
  readonly limit?: number;
  readonly cursor?: string;
  readonly sort?: string;
}

/**
 * Reads `limit`, `sort` and `cursor` of a list's query. A cursor belongs to one list, one sort order and one filter.
 *
 * @param list the list's name, unique in the API
 * @throws {Problem} cursor_invalid
 */
export function pageRequest<Field extends string>(
  list: string,
  query: ListQuery & { readonly sort?: Field | `-${Field}` },
  defaultSort: Field | `-${Field}`,
): PageRequest<Field> {
  const { limit = httpLimits.defaultPageItems, cursor, sort = defaultSort, ...filters } = query;
  const descending = sort.startsWith("-");
  const binding = bindingOf(list, sort, filters);
  return {
    limit,
    field: (descending ? sort.slice(1) : sort) as Field,
    direction: descending ? "desc" : "asc",
    after: cursor === undefined ? null : decodeCursor(cursor, binding),
    binding,
  };
}

/**
 * Makes the answer of a list from at most `limit + 1` rows; the one too many says that there is more.
 */
export function toPage<Row, Item>(
  page: PageRequest<string>,
  rows: readonly Row[],
  positionOf: (row: Row) => KeysetPosition,
  toItem: (row: Row) => Item,
): { items: Item[]; nextCursor: string | null } {
  const shown = rows.slice(0, page.limit);
  const last = shown.at(-1);
  const more = rows.length > page.limit && last !== undefined;
  return { items: shown.map(toItem), nextCursor: more ? encodeCursor(positionOf(last), page.binding) : null };
}

function bindingOf(list: string, sort: string, filters: object): string {
  const sorted = Object.entries(filters)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([list, sort, sorted]))
    .digest("base64url")
    .slice(0, 22);
}

function encodeCursor({ key, id }: KeysetPosition, binding: string): string {
  return Buffer.from(JSON.stringify([binding, key, id])).toString("base64url");
}

function decodeCursor(cursor: string, binding: string): KeysetPosition {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch {
    throw new Problem("cursor_invalid");
  }
  if (!Array.isArray(parts) || parts.length !== 3) throw new Problem("cursor_invalid");
  const [bound, key, id] = parts as unknown[];
  const isKey = typeof key === "string" || (typeof key === "number" && Number.isFinite(key));
  if (bound !== binding || !isKey || typeof id !== "string") throw new Problem("cursor_invalid");
  return { key, id };
}
