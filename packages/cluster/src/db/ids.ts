import { v7 } from "uuid";

/** Bytes nobody can guess. */
export type RandomBytes = (length: number) => Uint8Array;

/** A new UUIDv7 (RFC 9562), lower case. */
export type NewId = () => string;

/**
 * Ids that sort in the order in which this process made them, also within one millisecond
 * (RFC 9562 §6.2, method 1: a counter that starts at a random value).
 */
export function createIds(now: () => number, randomBytes: RandomBytes): NewId {
  let lastMs = -1;
  let counter = 0;
  return () => {
    const ms = now();
    if (ms > lastMs) {
      lastMs = ms;
      // The top bit stays free, so that two thousand million ids fit into one millisecond.
      counter = new DataView(randomBytes(4).slice().buffer).getUint32(0) >>> 1;
    } else {
      counter += 1;
    }
    return v7({ msecs: lastMs, seq: counter, random: randomBytes(16) });
  };
}
