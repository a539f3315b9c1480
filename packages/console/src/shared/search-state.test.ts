import { expect, test } from "vitest";
import { parseSearch, stringifySearch } from "./search-state.ts";

test("an address keeps texts as they are, also those that look like numbers or JSON", () => {
  const search = { q: "10.0", label: "env:prod & more", version: '"1"' };
  expect(parseSearch(stringifySearch(search))).toEqual(search);
});

test("what is empty is left out", () => {
  expect(stringifySearch({ q: "", view: undefined, sort: null })).toBe("");
});
