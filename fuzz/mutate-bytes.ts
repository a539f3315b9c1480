import type { Random } from "./random.ts";

/** Longest input that is made: over every bound of ours, and short enough for thousands of runs in a second. */
const maxBytes = 300_000;

/** What parsers of text trip over. */
const morsels = [
  ..."\0\n\r\t .,:;=+-_/\\\"'[]{}".split(""),
  ...["\ufeff", "\u2028", "\u0130", "null", "true", "-0", "1e999", "9007199254740993", "{}", "[]", '""', "__proto__"],
  ...["\\ud800", "\\u0000", "constructor", "toString", "crit", "\r\n", "--", "AAAA", "🙂"],
].map((text) => Buffer.from(text, "utf8")) as [Buffer, ...Buffer[]];

/** No text at all: what UTF-8 cannot be. */
const brokenText: readonly [Buffer, ...Buffer[]] = [
  Buffer.of(0xff),
  Buffer.of(0xc0, 0x80),
  Buffer.of(0xed, 0xa0, 0x80),
  Buffer.of(0xf4, 0x90, 0x80, 0x80),
  Buffer.of(0xe2, 0x82),
];

/** `bytes` with one to six small changes, and seldom with a large one. `others` are what it may be spliced with. */
export function mutateBytes(bytes: Uint8Array, random: Random, others: readonly Uint8Array[] = []): Uint8Array {
  let mutated: Buffer = Buffer.from(bytes);
  for (let left = 1 + random.below(6); left > 0; left--) mutated = change(mutated, random, others);
  return mutated.length > maxBytes ? mutated.subarray(0, maxBytes) : mutated;
}

function change(bytes: Buffer, random: Random, others: readonly Uint8Array[]): Buffer {
  const at = random.below(bytes.length + 1);
  const to = Math.min(bytes.length, at + 1 + random.below(random.oneIn(4) ? bytes.length + 1 : 8));
  switch (random.below(10)) {
    case 0:
      return replaced(bytes, at, to, Buffer.alloc(0));
    case 1:
      return replaced(bytes, at, at, random.pick(morsels));
    case 2:
      return replaced(bytes, at, to, random.pick(morsels));
    case 3:
      return replaced(bytes, at, to, Buffer.from(random.bytes(1 + random.below(8))));
    case 4:
      return replaced(bytes, at, at, random.pick(brokenText));
    case 5:
      return replaced(bytes, at, at, bytes.subarray(at, to));
    case 6:
      return bytes.subarray(0, at);
    case 7: {
      const other = others[random.below(others.length)];
      return other ? replaced(bytes, at, bytes.length, Buffer.from(other).subarray(random.below(other.length))) : bytes;
    }
    case 8: {
      if (!random.oneIn(20)) return replaced(bytes, at, at, random.pick(morsels));
      const piece = random.oneIn(2) ? random.pick(morsels) : bytes.subarray(at, to);
      const times = Math.floor((1 + random.below(maxBytes)) / Math.max(1, piece.length));
      return replaced(bytes, at, at, Buffer.concat(Array.from({ length: Math.min(times, 150_000) }, () => piece)));
    }
    default: {
      const flipped = Buffer.from(bytes);
      const index = random.below(Math.max(1, bytes.length));
      if (bytes.length > 0) flipped[index] = (flipped[index] ?? 0) ^ (1 << random.below(8));
      return flipped;
    }
  }
}

function replaced(bytes: Buffer, from: number, to: number, by: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, from), by, bytes.subarray(to)]);
}
