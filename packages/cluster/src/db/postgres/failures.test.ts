import { expect, test } from "vitest";
import { isConnectionLost, toDatabaseError } from "./failures.ts";

test.each(["EPIPE", "ECONNRESET", "57P01", "57P02", "08006", undefined])("%s: the server is gone", (code) => {
  const error = Object.assign(new Error("gone"), { code });
  expect(toDatabaseError(error).kind).toBe("unavailable");
  expect(isConnectionLost(error)).toBe(true);
});

test.each([
  ["23505", "unique"],
  ["40001", "conflict"],
  ["53100", "full"],
  ["XX000", "other"],
  ["P0001", "other"],
])("%s: %s", (code, kind) => {
  const error = Object.assign(new Error("no"), { code });
  expect(toDatabaseError(error).kind).toBe(kind);
  expect(isConnectionLost(error)).toBe(false);
});
