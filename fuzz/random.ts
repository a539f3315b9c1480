/** Choices that come out the same for the same seed and run, on every machine. */
export interface Random {
  /** A whole number from 0 to `count` - 1. */
  below(count: number): number;
  /** True once in `times`, on average. */
  oneIn(times: number): boolean;
  pick<T>(list: readonly [T, ...T[]]): T;
  bytes(count: number): Uint8Array;
}

/** Each run has choices of its own, so that one of them can be repeated without those before it. */
export function randomOf(seed: number, run: number): Random {
  const next = mulberry32(Math.imul(seed, 0x9e3779b1) ^ Math.imul(run + 1, 0x85ebca6b));
  const below = (count: number): number => Math.floor(next() * count);
  return {
    below,
    oneIn: (times) => below(times) === 0,
    pick: (list) => list[below(list.length)] ?? list[0],
    bytes: (count) => Uint8Array.from({ length: count }, () => below(256)),
  };
}

/** Tommy Ettinger's Mulberry32 (public domain): small, and good enough to choose with. */
function mulberry32(start: number): () => number {
  let state = start | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
