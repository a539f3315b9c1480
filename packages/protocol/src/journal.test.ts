import { describe, expect, test } from "vitest";
import { checkInClaims } from "../vectors/samples.ts";
import { fitsJournal, type JournalEntry, journalEntryHash, journalStart } from "./journal.ts";

const [entry] = checkInClaims.journal.entries as [JournalEntry];
const withData: JournalEntry = { ...entry, data: { reason: "expired", attempts: 1 } };

test("the order of the data's members does not matter", () => {
  const reordered = { ...withData, data: { attempts: 1, reason: "expired" } };
  expect(journalEntryHash(reordered)).toBe(journalEntryHash(withData));
});

test.each<[string, Partial<JournalEntry>]>([
  ["seq", { seq: 2 }],
  ["at", { at: withData.at + 1 }],
  ["trustedAt", { trustedAt: withData.trustedAt + 1 }],
  ["kind", { kind: "redeemed" }],
  ["a value", { data: { reason: "malformed", attempts: 1 } }],
  ["a value's type", { data: { reason: "expired", attempts: "1" } }],
  ["a name", { data: { reason: "expired", attempt: 1 } }],
  ["what went before", { prev: journalStart("0199a1b2-0000-7000-8000-00000000ffff") }],
])("another hash with another %s", (_, members) => {
  expect(journalEntryHash({ ...withData, ...members })).not.toBe(journalEntryHash(withData));
});

test("each journal starts at a place of its own", () => {
  expect(journalStart("a")).not.toBe(journalStart("b"));
});

describe("whether data fits", () => {
  test.each([
    [{ a: "x".repeat(472) }, true],
    [{ a: "x".repeat(473) }, false],
    [{ a: "語".repeat(157) }, true],
    [{ a: "語".repeat(158) }, false],
  ])("%j: %s", (data, fits) => {
    expect(fitsJournal(data)).toBe(fits);
  });
});
