import { type JournalEntry, journalEntryHash, journalStart } from "@postern/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { judgeEntries, type StoredEntry } from "./judge-entries.ts";

const journalId = "0193f0a0-0000-7000-8000-000000000001";

function journal(length: number, from: { seq: number; prev: string } = { seq: 1, prev: journalStart(journalId) }) {
  const entries: JournalEntry[] = [];
  let prev = from.prev;
  for (let seq = from.seq; seq < from.seq + length; seq++) {
    const entry = { seq, at: 1, trustedAt: 1, kind: "drift", data: {}, prev };
    entries.push(entry);
    prev = journalEntryHash(entry);
  }
  return entries;
}

function asStored(entries: readonly JournalEntry[]): StoredEntry[] {
  return entries.map((entry) => ({ seq: entry.seq, hash: journalEntryHash(entry) }));
}

test("takes a journal from its beginning", () => {
  const { fresh, forked, acked } = judgeEntries(journalId, journal(3), [], 0);
  expect(fresh.map(({ entry, linked, forked }) => [entry.seq, linked, forked])).toEqual([
    [1, true, false],
    [2, true, false],
    [3, true, false],
  ]);
  expect(forked).toEqual([]);
  expect(acked).toBe(3);
});

test("goes on behind what a restore has lost, and says that the link is missing", () => {
  const entries = journal(5);
  const { fresh, acked } = judgeEntries(journalId, entries.slice(3), asStored(entries.slice(0, 1)), 1, true);
  expect(fresh.map(({ entry, linked, forked }) => [entry.seq, linked, forked])).toEqual([
    [4, false, false],
    [5, true, false],
  ]);
  expect(acked).toBe(5);
});

test("a restore explains no hole within one delivery", () => {
  const entries = journal(5);
  const { fresh, acked } = judgeEntries(journalId, [...entries.slice(1, 2), ...entries.slice(3)], [], 0, true);
  expect(fresh.map(({ entry }) => entry.seq)).toEqual([2]);
  expect(acked).toBe(2);
});

test("passes over what is stored and goes on behind it", () => {
  const entries = journal(4);
  const { fresh, acked } = judgeEntries(journalId, entries, asStored(entries.slice(0, 2)), 2);
  expect(fresh.map(({ entry, linked }) => [entry.seq, linked])).toEqual([
    [3, true],
    [4, true],
  ]);
  expect(acked).toBe(4);
});

test("leaves what lies beyond a gap for the next delivery", () => {
  const [first, , third] = journal(3) as [JournalEntry, JournalEntry, JournalEntry];
  const { fresh, acked } = judgeEntries(journalId, [first, third], [], 0);
  expect(fresh.map(({ entry }) => entry.seq)).toEqual([1]);
  expect(acked).toBe(1);
});

test("keeps both versions of an entry and names the stored one", () => {
  const entries = journal(2);
  const stored = asStored(entries);
  const other = { ...(entries[1] as JournalEntry), kind: "redeemed" };
  const { fresh, forked, acked } = judgeEntries(journalId, [other], stored, 2);
  expect(fresh).toMatchObject([{ entry: other, forked: true, linked: true }]);
  expect(forked).toEqual([stored[1]]);
  expect(acked).toBe(2);
});

test("sees two versions within one delivery", () => {
  const [first, second] = journal(2) as [JournalEntry, JournalEntry];
  const { fresh, forked } = judgeEntries(journalId, [first, second, { ...second, kind: "refused" }], [], 0);
  expect(fresh.map((judged) => judged.forked)).toEqual([false, false, true]);
  expect(forked).toEqual([{ seq: 2, hash: journalEntryHash(second) }]);
});

test("marks an entry whose history is another than the one delivered", () => {
  const entries = journal(2);
  const rewritten = { ...(entries[1] as JournalEntry), prev: journalStart("of another journal") };
  const { fresh, acked } = judgeEntries(journalId, [rewritten], asStored(entries.slice(0, 1)), 1);
  expect(fresh).toMatchObject([{ linked: false, forked: false }]);
  expect(acked).toBe(2);
});

test("a journal must begin with its own beginning", () => {
  const stranger = journal(1, { seq: 1, prev: journalStart("0193f0a0-0000-7000-8000-000000000002") });
  expect(judgeEntries(journalId, stranger, [], 0).fresh).toMatchObject([{ linked: false }]);
});

test("however deliveries are cut and repeated, each entry is stored once and the acknowledgement has no hole", () => {
  const entries = journal(20);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(19), fc.nat(19)), { maxLength: 30 }), (cuts) => {
      const stored: StoredEntry[] = [];
      let acked = 0;
      for (const [a, b] of cuts) {
        const delivered = entries.slice(Math.min(a, b), Math.max(a, b) + 1);
        const judged = judgeEntries(journalId, delivered, stored, acked);
        stored.push(...judged.fresh.map(({ entry, hash }) => ({ seq: entry.seq, hash })));
        expect(judged.forked).toEqual([]);
        expect(judged.fresh.every(({ linked, forked }) => linked && !forked)).toBe(true);
        acked = judged.acked;
      }
      expect(stored).toEqual(asStored(entries.slice(0, acked)));
    }),
    { numRuns: 200 },
  );
});
