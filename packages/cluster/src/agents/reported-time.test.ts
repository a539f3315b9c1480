import { expect, test } from "vitest";
import { toReportedTime } from "./reported-time.ts";

test.each([
  [0, "1970-01-01T00:00:00.000Z"],
  [1_764_000_000_123, "2025-11-24T16:00:00.123Z"],
  [Number.MAX_SAFE_INTEGER, "9999-12-31T23:59:59.999Z"],
])("writes %d as %s", (at, text) => {
  expect(toReportedTime(at)).toBe(text);
});
