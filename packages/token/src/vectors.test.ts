import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type RefusedCase, type ValidCase, vectorFiles } from "../vectors/generate.ts";
import { contextOf, readVectors, type TokenVectors } from "../vectors/read.ts";
import { decodeBase64url, encodeBase64url } from "./base64url.ts";
import { encodeChallenge, groupChallenge, parseChallenge } from "./challenge.ts";
import type { RefusalReason } from "./refusal.ts";
import { verify } from "./verify.ts";

const valid = readVectors<TokenVectors<ValidCase>>("valid.json");
const refused = readVectors<TokenVectors<RefusedCase>>("refused.json");

test("the committed vectors are what the generator makes", async () => {
  for (const [name, text] of Object.entries(await vectorFiles())) {
    expect(readFileSync(new URL(`../vectors/${name}`, import.meta.url), "utf8"), name).toBe(text);
  }
});

test.each(valid.cases)("accepts: $name", ({ token, claims, ...moment }) => {
  expect(verify(token, contextOf(valid, moment))).toStrictEqual(claims);
});

test.each(refused.cases)("refuses with $reason: $name", ({ token, reason, ...moment }) => {
  expect(() => verify(token, contextOf(refused, moment))).toThrow(expect.objectContaining({ reason }));
});

test("every reason has at least two vectors", () => {
  const least: Record<RefusalReason, number> = {
    malformed: 2,
    wrong_type: 2,
    wrong_algorithm: 2,
    unknown_key: 2,
    bad_signature: 2,
    wrong_cluster: 2,
    wrong_tenant: 2,
    wrong_agent: 2,
    action_not_allowed: 2,
    challenge_mismatch: 2,
    not_yet_valid: 2,
    expired: 2,
  };
  for (const [reason, count] of Object.entries(least)) {
    expect(refused.cases.filter((each) => each.reason === reason).length, reason).toBeGreaterThanOrEqual(count);
  }
});

test("no two vectors have one name", () => {
  const names = [...valid.cases, ...refused.cases].map((each) => each.name);
  expect(new Set(names).size).toBe(names.length);
});

describe("base64url", () => {
  const vectors = readVectors<{ valid: { hex: string; text: string }[]; refused: string[] }>("base64url.json");

  test.each(vectors.valid)("$hex is $text", ({ hex, text }) => {
    expect(encodeBase64url(Buffer.from(hex, "hex"))).toBe(text);
    expect(decodeBase64url(text)).toStrictEqual(new Uint8Array(Buffer.from(hex, "hex")));
  });

  test.each(vectors.refused)("refuses %j", (text) => {
    expect(decodeBase64url(text)).toBeUndefined();
  });
});

describe("challenge", () => {
  const vectors = readVectors<{
    encoded: { random: string; challenge: string; grouped: string }[];
    typed: { typed: string; challenge: string }[];
    refused: string[];
  }>("challenge.json");

  test.each(vectors.encoded)("$random is $grouped", ({ random, challenge, grouped }) => {
    expect(encodeChallenge(Buffer.from(random, "hex"))).toBe(challenge);
    expect(groupChallenge(challenge)).toBe(grouped);
    expect(parseChallenge(grouped)).toBe(challenge);
  });

  test.each(vectors.typed)("reads $typed", ({ typed, challenge }) => {
    expect(parseChallenge(typed)).toBe(challenge);
  });

  test.each(vectors.refused)("refuses %j", (typed) => {
    expect(parseChallenge(typed)).toBeUndefined();
  });
});
