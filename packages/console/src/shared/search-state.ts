import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";

/** What stands after the `?` of the address. A value that is undefined or empty is left out. */
export type Search = Readonly<Record<string, string | undefined>>;

export type SetSearch = (patch: Search, options?: { readonly replace?: boolean }) => void;

/** Plain `name=value`: an address can be read, written and sent by people. */
export function parseSearch(text: string): Search {
  return Object.fromEntries(new URLSearchParams(text));
}

export function stringifySearch(search: Readonly<Record<string, unknown>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    if (value !== undefined && value !== null && value !== "") parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

/**
 * The state of a page that stands in its address, so that it can be bookmarked, sent and gone back to. What the setter
 * does not name stays as it is.
 */
export function useSearchState(): readonly [Search, SetSearch] {
  const search: Search = useSearch({ strict: false });
  const navigate = useNavigate();
  const set = useCallback<SetSearch>(
    (patch, { replace = false } = {}) => {
      void navigate({ to: ".", search: (before: Search) => ({ ...before, ...patch }), replace, resetScroll: false });
    },
    [navigate],
  );
  return [search, set];
}
