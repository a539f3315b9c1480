import { expect, test } from "vitest";
import { isUnixSeconds, toUnixSeconds } from "./unix-seconds.ts";

test("a moment lies in the second before it", () => {
  expect(toUnixSeconds(0)).toBe(0);
  expect(toUnixSeconds(1_999)).toBe(1);
  expect(toUnixSeconds(2_000)).toBe(2);
});

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_VALUE])("%d is no moment", (unixMilliseconds) => {
  expect(() => toUnixSeconds(unixMilliseconds)).toThrow(RangeError);
});

test.each([0, 1_800_000_000, Number.MAX_SAFE_INTEGER])("%d is a time", (value) => {
  expect(isUnixSeconds(value)).toBe(true);
});

test.each([
  -1,
  0.5,
  2 ** 53,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  "1",
  1n,
  null,
  undefined,
  [1],
  { valueOf: () => 1 },
])("%s is no time", (value) => {
  expect(isUnixSeconds(value)).toBe(false);
});
