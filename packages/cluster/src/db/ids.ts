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
  const random = inPortions(randomBytes);
  let lastMs = -1;
  let counter = 0;
  return () => {
    const ms = now();
    if (ms > lastMs) {
      lastMs = ms;
      // The top bit stays free, so that two thousand million ids fit into one millisecond.
      counter = new DataView(random(4).slice().buffer).getUint32(0) >>> 1;
    } else {
      counter += 1;
    }
    return v7({ msecs: lastMs, seq: counter, random: random(16) });
  };
}

/** Asking the system for randomness costs more than an id's few bytes are worth: it is asked for many at once. */
function inPortions(randomBytes: RandomBytes): RandomBytes {
  let portion: Uint8Array = new Uint8Array(0);
  let used = 0;
  return (length) => {
    if (used + length > portion.length) [portion, used] = [randomBytes(portionBytes), 0];
    used += length;
    return portion.subarray(used - length, used);
  };
}

const portionBytes = 4_096;
