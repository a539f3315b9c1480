import { expect, test } from "vitest";
import { clockTime, duration, relativeTime, utcTime } from "./times.ts";

const now = Date.parse("2026-11-24T12:00:00.000Z");
const second = 1_000;
const day = 86_400 * second;

test.each([
  [now, "just now"],
  [now + 9 * second, "just now"],
  [now - 10 * second, "10 s ago"],
  [now - 59_999, "59 s ago"],
  [now - 60 * second, "1 min ago"],
  [now + 90 * 60 * second, "in 1 h"],
  [now - day, "1 day ago"],
  [now - 59 * day, "59 days ago"],
])("%d is %s", (at, said) => {
  expect(relativeTime(at, now)).toBe(said);
});

test("beyond 60 days it is the date", () => {
  expect(relativeTime(now - 60 * day, now)).toMatch(/2026/);
});

test.each([
  [900_000, "15:00"],
  [899_999, "14:59"],
  [-5, "00:00"],
  [3_661_000, "1:01:01"],
])("%d ms are left: %s", (ms, said) => {
  expect(clockTime(ms)).toBe(said);
});

test.each([
  [0, "0 s"],
  [45, "45 s"],
  [5_400, "1 h 30 min"],
  [14_400, "4 h"],
])("%d s are %s", (seconds, said) => {
  expect(duration(seconds)).toBe(said);
});

test("the exact time in UTC", () => {
  expect(utcTime(now)).toBe("2026-11-24 12:00:00 UTC");
});
