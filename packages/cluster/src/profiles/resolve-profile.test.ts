import { expect, test } from "vitest";
import { addressRanges, parseAddressRange } from "./address-ranges.ts";
import { hostPattern } from "./host-pattern.ts";
import { type IntentFilter, type MatchedFacts, readyIntents, resolveProfile } from "./resolve-profile.ts";

const facts: MatchedFacts = { platform: "windows", hostName: "WS-Payroll-07", addresses: ["10.1.2.3", "fe80::1%12"] };

test.each<[pattern: string, name: string, fits: boolean]>([
  ["ws-payroll-07", "WS-PAYROLL-07", true],
  ["WS-*", "ws-payroll-07", true],
  ["*-07", "ws-payroll-07", true],
  ["*pay*0?", "ws-payroll-07", true],
  ["ws-payroll-0?", "ws-payroll-0", false],
  ["ws", "ws-payroll-07", false],
  ["payroll", "ws-payroll-07", false],
  ["*", "", true],
  ["", "", true],
  ["**a**", "bab", true],
  ["a*b*c", "abbbc", true],
  ["a*b*c", "abbbcd", false],
  // Everything but * and ? stands for itself: no sign of regular expressions or of SQL.
  ["db.07", "db-07", false],
  ["db_07", "db-07", false],
  ["db%", "db-07", false],
  ["[a-z]b", "db", false],
  ["(db|ws)", "db", false],
  ["?", "\u{1f600}", true],
])("the pattern %j on the host name %j: %j", (pattern, name, fits) => {
  expect(hostPattern(pattern)(name)).toBe(fits);
});

test("a name made to keep a pattern busy costs no more than both lengths multiplied", () => {
  const fits = hostPattern(`${"*a".repeat(127)}b`);
  const began = performance.now();
  expect(fits("a".repeat(255))).toBe(false);
  expect(performance.now() - began).toBeLessThan(500);
});

test.each<[range: string, address: string, inside: boolean]>([
  ["10.0.0.0/8", "10.255.0.1", true],
  ["10.0.0.0/8", "11.0.0.1", false],
  ["10.1.2.3", "10.1.2.3", true],
  ["10.1.2.3", "10.1.2.4", false],
  ["0.0.0.0/0", "203.0.113.9", true],
  ["0.0.0.0/0", "2001:db8::1", false],
  ["2001:db8::/32", "2001:db8:ffff::1", true],
  ["2001:db8::/32", "2001:db9::1", false],
  ["::/0", "2001:db8::1", true],
  ["fe80::/10", "fe80::1%12", true],
  ["10.0.0.0/8", "::ffff:10.0.0.1", true],
  ["10.0.0.0/8", "10.0.0.1.evil.example", false],
  ["10.0.0.0/8", "", false],
])("the range %s and the address %j: %j", (range, address, inside) => {
  expect(addressRanges([range])(address)).toBe(inside);
});

test.each([
  "10.0.0.0/33",
  "10.0.0/8",
  "::/129",
  "10.0.0.0/08",
  "10.0.0.0/-1",
  "x",
  "",
  "10.0.0.1/8/8",
  "fe80::1%12/64",
])("%j is no address range", (text) => {
  expect(parseAddressRange(text)).toBeUndefined();
});

test.each<[filter: IntentFilter, fits: boolean]>([
  [{}, true],
  [{ platforms: ["linux", "windows"] }, true],
  [{ platforms: ["linux"] }, false],
  [{ labels: ["payroll"] }, true],
  [{ labels: ["payroll", "site:berlin"] }, false],
  [{ addresses: ["192.168.0.0/16", "10.1.0.0/16"] }, true],
  [{ addresses: ["192.168.0.0/16"] }, false],
  [{ hostName: "ws-*", platforms: ["windows"], labels: ["payroll"], addresses: ["10.0.0.0/8"] }, true],
  [{ hostName: "db-*", platforms: ["windows"], labels: ["payroll"], addresses: ["10.0.0.0/8"] }, false],
])("the filter %j fits: %j", (filter, fits) => {
  const list = readyIntents([{ profileId: "theirs", filter }], "default");
  expect(resolveProfile(facts, ["payroll"], list)).toBe(fits ? "theirs" : "default");
});

test("the first intent that fits wins, and Default applies when none does", () => {
  const first = { profileId: "first", filter: { hostName: "ws-*" } };
  const all = { profileId: "all", filter: {} };
  expect(resolveProfile(facts, [], readyIntents([first, all], "default"))).toBe("first");
  expect(resolveProfile(facts, [], readyIntents([all, first], "default"))).toBe("all");
  expect(resolveProfile({ ...facts, hostName: "db" }, [], readyIntents([first], "default"))).toBe("default");
  expect(resolveProfile(facts, [], readyIntents([], "default"))).toBe("default");
});
