import { expect, test } from "vitest";
import { versionOrder } from "./version-order.ts";

test("versions sort by their numbers, a pre-release before its release", () => {
  const sorted = [
    "",
    "0.9.0",
    "1.0.0-alpha.2",
    "1.0.0-alpha.10",
    "1.0.0-beta",
    "1.0.0",
    "1.0.0.1",
    "1.0.1",
    "1.9.0",
    "1.10.0",
  ];
  const shuffled = [...sorted].reverse();
  expect(shuffled.sort((a, b) => (versionOrder(a) < versionOrder(b) ? -1 : 1))).toEqual(sorted);
});

test("the same version with another build has the same place", () => {
  expect(versionOrder("1.2.3+abc")).toBe(versionOrder("1.2.3"));
});
