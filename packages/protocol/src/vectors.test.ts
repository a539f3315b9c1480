import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type RefusedCase, type ValidCase, vectorFiles } from "../vectors/generate.ts";
import { kinds, openers, type World } from "../vectors/world.ts";
import { type ActivationKey, formatActivationKey, parseActivationKey } from "./activation-key.ts";
import { type JournalEntry, journalEntryHash, journalStart } from "./journal.ts";
import type { MessageRefusalReason } from "./refusal.ts";

function readVectors<Content>(name: string): Content {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), "utf8"));
}

const valid = readVectors<{ world: World; cases: ValidCase[] }>("valid.json");
const refused = readVectors<{ world: World; cases: RefusedCase[] }>("refused.json");

test("the committed vectors are what the generator makes", async () => {
  for (const [name, text] of Object.entries(await vectorFiles())) {
    expect(readFileSync(new URL(`../vectors/${name}`, import.meta.url), "utf8"), name).toBe(text);
  }
});

test.each(valid.cases)("opens $kind: $name", ({ kind, message, opened }) => {
  expect(openers[kind](message, valid.world)).toStrictEqual(opened);
});

test.each(refused.cases)("refuses $kind with $reason: $name", ({ kind, message, reason }) => {
  expect(() => openers[kind](message, refused.world)).toThrow(
    expect.objectContaining({ name: "MessageRefused", reason }),
  );
});

test("every reason has at least two vectors", () => {
  const least: Record<MessageRefusalReason, number> = {
    malformed: 2,
    wrong_type: 2,
    wrong_algorithm: 2,
    unknown_key: 2,
    bad_signature: 2,
    wrong_cluster: 2,
    wrong_tenant: 2,
    wrong_subject: 2,
    wrong_nonce: 2,
    stale_revision: 2,
    stale_bundle: 2,
    root_change_missing: 2,
  };
  for (const [reason, count] of Object.entries(least)) {
    expect(refused.cases.filter((each) => each.reason === reason).length, reason).toBeGreaterThanOrEqual(count);
  }
});

test("no two vectors of a kind have one name", () => {
  for (const kind of kinds) {
    const names = [...valid.cases, ...refused.cases].filter((each) => each.kind === kind).map((each) => each.name);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toStrictEqual([]);
  }
});

describe("journal", () => {
  const vectors = readVectors<{
    start: { journalId: string; hash: string }[];
    entries: { entry: JournalEntry; hash: string }[];
  }>("journal.json");

  test.each(vectors.start)("the journal $journalId starts at $hash", ({ journalId, hash }) => {
    expect(journalStart(journalId)).toBe(hash);
  });

  test.each(vectors.entries)("the hash of a $entry.kind entry is $hash", ({ entry, hash }) => {
    expect(journalEntryHash(entry)).toBe(hash);
  });
});

describe("activation key", () => {
  const vectors = readVectors<{ valid: { typed: string; key: ActivationKey }[]; refused: string[] }>(
    "activation-key.json",
  );

  test.each(vectors.valid)("reads %j", ({ typed, key }) => {
    expect(parseActivationKey(typed)).toStrictEqual(key);
    expect(formatActivationKey(key)).toBe(vectors.valid[0]?.typed);
  });

  test.each(vectors.refused)("refuses %j", (typed) => {
    expect(parseActivationKey(typed)).toBeUndefined();
  });
});
