import { expect, test } from "vitest";
import { migrations } from "./schema.ts";

test("no two migrations have one name: a database would take the second for one that ran", () => {
  const names = migrations.map(({ name }) => name);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});
