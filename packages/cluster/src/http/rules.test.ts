import { expect, test } from "vitest";
import { isFromForeignOrigin, isFromOwnOrigin, needsOwnOrigin } from "./csrf.ts";
import { isLoopback, plainHttpGuard, toBlockList } from "./plain-http.ts";
import { Problem } from "./problems.ts";

const own = new Set(["https://postern.example"]);

test.each([
  { headers: { "sec-fetch-site": "same-origin" }, from: true },
  { headers: { "sec-fetch-site": "same-site", origin: "https://postern.example" }, from: false },
  { headers: { "sec-fetch-site": "cross-site" }, from: false },
  { headers: { "sec-fetch-site": "none" }, from: false },
  { headers: { origin: "https://postern.example" }, from: true },
  { headers: { origin: "https://postern.example.evil" }, from: false },
  { headers: { origin: "null" }, from: false },
  { headers: {}, from: false },
])("$headers is from our own pages: $from", ({ headers, from }) => {
  expect(isFromOwnOrigin(headers, own)).toBe(from);
});

test("a program sends no origin and is no foreign page", () => {
  expect(isFromForeignOrigin({}, own)).toBe(false);
  expect(isFromForeignOrigin({ origin: "https://evil.example" }, own)).toBe(true);
  expect(isFromForeignOrigin({ "sec-fetch-site": "same-site" }, own)).toBe(true);
});

test("changes, and reading that shows a token, must come from our own pages", () => {
  expect(["POST", "PUT", "PATCH", "DELETE"].every((method) => needsOwnOrigin(method, false))).toBe(true);
  expect(needsOwnOrigin("GET", false)).toBe(false);
  expect(needsOwnOrigin("GET", true)).toBe(true);
});

test.each([
  ["127.0.0.1", true],
  ["127.9.9.9", true],
  ["::1", true],
  ["::ffff:127.0.0.1", true],
  ["localhost", true],
  ["0.0.0.0", false],
  ["::", false],
  ["10.0.0.1", false],
  ["127.0.0.1.evil.example", false],
])("%s is loopback: %s", (address, loopback) => {
  expect(isLoopback(address)).toBe(loopback);
});

test.each([
  { peer: "127.0.0.1", accepted: true },
  { peer: "::ffff:10.1.2.3", accepted: true },
  { peer: "fd00::1", accepted: true },
  { peer: "10.2.0.1", accepted: false },
  { peer: "203.0.113.9", accepted: false },
  { peer: undefined, accepted: false },
])("plain HTTP from $peer, behind named proxies: $accepted", async ({ peer, accepted }) => {
  const guard = plainHttpGuard(["10.1.0.0/16", "fd00::1"]);
  const request = guard({ socket: { remoteAddress: peer } } as unknown as Parameters<typeof guard>[0]);
  if (accepted) await request;
  else await expect(request).rejects.toThrow(Problem);
});

test.each(["proxy.example", "10.0.0.0/33", "10.0.0.0/", "fd00::/129", "10.0.0.0/8/8", ""])(
  "%j is not a network",
  (entry) => {
    expect(() => toBlockList([entry])).toThrow("neither an address nor a network");
  },
);
