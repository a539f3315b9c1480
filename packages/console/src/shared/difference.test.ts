import { expect, test } from "vitest";
import { differences } from "./difference.tsx";

test("names the members that differ by their paths, and lists as a whole", () => {
  const before = { serviceProtection: { on: true, liftSeconds: 14_400 }, services: ["a"], gone: 1 };
  const after = { serviceProtection: { on: false, liftSeconds: 14_400 }, services: ["a", "b"], come: null };
  expect(differences(before, after)).toEqual([
    { path: "serviceProtection.on", before: true, after: false },
    { path: "services", before: ["a"], after: ["a", "b"] },
    { path: "gone", before: 1, after: undefined },
    { path: "come", before: undefined, after: null },
  ]);
});

test("finds nothing in equals", () => {
  expect(differences({ a: { b: [1] } }, { a: { b: [1] } })).toEqual([]);
});
