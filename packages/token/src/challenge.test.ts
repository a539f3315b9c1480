import fc from "fast-check";
import { expect, test } from "vitest";
import { anyText } from "../vectors/arbitrary.ts";
import { challengeRandomBytes, encodeChallenge, groupChallenge, parseChallenge } from "./challenge.ts";

const random = fc.uint8Array({ minLength: challengeRandomBytes, maxLength: challengeRandomBytes });
const symbols = "0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U";

test("what is shown is read back, however it is spaced and in either case", () => {
  fc.assert(
    fc.property(random, fc.constantFrom(" ", "-", " - ", "\t", ""), fc.boolean(), (bytes, between, lower) => {
      const challenge = encodeChallenge(bytes);
      const typed = groupChallenge(challenge).replaceAll("-", between);
      expect(parseChallenge(lower ? typed.toLowerCase() : typed)).toBe(challenge);
    }),
  );
});

test("75 of the 80 random bits count", () => {
  const seen = new Set<string>();
  for (let bit = 0; bit < 80; bit++) {
    const bytes = new Uint8Array(10);
    bytes[bit >>> 3] = 0x80 >>> (bit & 7);
    seen.add(encodeChallenge(bytes));
  }
  // The five bits in front give nothing; every other bit gives a challenge of its own.
  expect(seen.size).toBe(75 + 1);
});

test("finds every single mistyped symbol and every swap of two neighbours", () => {
  fc.assert(
    fc.property(random, (bytes) => {
      const challenge = encodeChallenge(bytes);
      for (let i = 0; i < challenge.length; i++) {
        for (const symbol of symbols) {
          const mistyped = challenge.slice(0, i) + symbol + challenge.slice(i + 1);
          if (mistyped !== challenge) expect(parseChallenge(mistyped), mistyped).toBeUndefined();
        }
        const swapped =
          challenge.slice(0, i) +
          challenge
            .slice(i, i + 2)
            .split("")
            .reverse()
            .join("") +
          challenge.slice(i + 2);
        if (swapped !== challenge) expect(parseChallenge(swapped), swapped).toBeUndefined();
      }
    }),
    { numRuns: 20 },
  );
});

test("whatever is typed, it answers a challenge or nothing", () => {
  fc.assert(
    fc.property(anyText(80), (typed) => {
      const challenge = parseChallenge(typed);
      if (challenge !== undefined) expect(parseChallenge(challenge)).toBe(challenge);
    }),
  );
  expect(parseChallenge("0".repeat(1_000_000))).toBeUndefined();
});

test.each([0, 9, 11])("takes no %i random bytes", (length) => {
  expect(() => encodeChallenge(new Uint8Array(length))).toThrow(RangeError);
});
