import { keepPreviousData, type UseQueryResult, useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { toProblem } from "../../api/problem.ts";
import { type Search, useSearchState } from "../search-state.ts";

/** A page of a list, as the API answers it. */
export interface ListPage<Row> {
  readonly items: readonly Row[];
  readonly nextCursor: string | null;
}

/** As the API names a sort: `-` before it for descending. */
export type Sort<Field extends string> = Field | `-${Field}`;

/** What goes into the query of the API's list. */
export interface ListRequest<Field extends string> {
  readonly sort: Sort<Field>;
  readonly limit: number;
  readonly cursor?: string;
}

/** A server-side list: filters, sort and page stand in the address. */
export interface List<Row> {
  readonly query: UseQueryResult<ListPage<Row>>;
  readonly rows: readonly Row[];
  /** As the API names it, `-` before it for descending. */
  readonly sort: string;
  setSort(sort: string): void;
  readonly limit: number;
  setLimit(limit: number): void;
  /** From 1. */
  readonly pageNumber: number;
  /** Undefined when there is none. */
  readonly next: (() => void) | undefined;
  readonly previous: (() => void) | undefined;
}

export interface ListOptions<Row, Field extends string> {
  /** The begin of the query's key, such as `agents`: what `live.ts` and `changes` of actions name. */
  readonly name: string;
  /** The filters as they stand in the address; part of the key. */
  readonly filters: Search;
  /** By what the API sorts this list. */
  readonly sortFields: readonly Field[];
  readonly defaultSort: Sort<NoInfer<Field>>;
  readonly defaultLimit?: number;
  readonly load: (request: ListRequest<Field>) => Promise<ListPage<Row>>;
}

export const pageSizes = [25, 50, 100, 200] as const;

/** By which cursor one came to a page, since the API's cursors lead forward only. */
const cursorBefore = new Map<string, string | undefined>();

/** What the address loses when a filter changes: a cursor belongs to one list with one filter. */
export const firstPage: Search = { cursor: undefined, n: undefined };

export function useList<Row, Field extends string>({
  name,
  filters,
  sortFields,
  defaultSort,
  defaultLimit = 50,
  load,
}: ListOptions<Row, Field>): List<Row> {
  const [search, setSearch] = useSearchState();
  const sort =
    sortFields.flatMap((field): Sort<Field>[] => [field, `-${field}`]).find((one) => one === search["sort"]) ??
    defaultSort;
  const cursor = search["cursor"];
  const asked = Number(search["limit"]);
  const limit = pageSizes.some((size) => size === asked) ? asked : defaultLimit;
  const pageNumber = Math.max(1, Number(search["n"]) || 1);

  const query = useQuery({
    queryKey: [name, "list", filters, sort, limit, cursor],
    queryFn: () => load({ sort, limit, ...(cursor !== undefined && { cursor }) }),
    // The rows stay while the next ones come: nothing jumps.
    placeholderData: keepPreviousData,
  });

  const stale = query.error !== null && toProblem(query.error).code === "cursor_invalid";
  useEffect(() => {
    if (stale) setSearch(firstPage, { replace: true });
  }, [stale, setSearch]);

  const nextCursor = query.data?.nextCursor ?? undefined;
  return {
    query,
    rows: query.data?.items ?? [],
    sort,
    setSort: (next) => setSearch({ ...firstPage, sort: next === defaultSort ? undefined : next }),
    limit,
    setLimit: (next) => setSearch({ ...firstPage, limit: next === defaultLimit ? undefined : String(next) }),
    pageNumber: cursor === undefined ? 1 : pageNumber,
    next:
      nextCursor === undefined || query.isPlaceholderData
        ? undefined
        : () => {
            cursorBefore.set(nextCursor, cursor);
            setSearch({ cursor: nextCursor, n: String(pageNumber + 1) });
          },
    previous:
      cursor === undefined
        ? undefined
        : () => {
            const before = cursorBefore.get(cursor);
            setSearch(before === undefined ? firstPage : { cursor: before, n: String(Math.max(1, pageNumber - 1)) });
          },
  };
}
