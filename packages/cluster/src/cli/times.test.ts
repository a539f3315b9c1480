import { expect, test } from "vitest";
import { duration, fromNow, localTime, utcTime } from "./times.ts";

const instant = "2026-11-24T23:29:01.250Z";

test("an instant shows in UTC, and as the clock on the wall has it, with its zone", () => {
  expect(utcTime(instant)).toBe("2026-11-24T23:29:01Z");
  expect(localTime(instant, "Europe/Berlin")).toBe("2026-11-25 00:29:01 GMT+1");
  expect(localTime(instant, "UTC")).toBe("2026-11-24 23:29:01 UTC");
});

test.each([
  [0, "0 s"],
  [999, "0 s"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [899_000, "14 min 59 s"],
  [3_600_000, "1 h"],
  [3_660_000, "1 h 1 min"],
  [86_400_000 + 59_000, "1 d"],
  [187_200_000, "2 d 4 h"],
])("%d ms is %s", (ms, shown) => {
  expect(duration(ms)).toBe(shown);
});

test("says on which side of now an instant lies", () => {
  const now = Date.parse(instant);
  expect(fromNow(now + 899_500, now)).toBe("in 14 min 59 s");
  expect(fromNow(now - 61_000, now)).toBe("1 min 1 s ago");
});
