import type { UnixSeconds } from "@postern/token";
import { toUnixSeconds } from "@postern/token";
import { clockBehindMs } from "../limits.ts";

/** The clocks at one moment, as `ports.ts` defines them. */
export interface Readings {
  readonly systemMs: number;
  readonly interruptMs: number;
}

/** The agent's own idea of now. All but `interruptMs` are unix ms. */
export interface TrustedTime {
  readonly trustedMs: number;
  /** Not earlier than this, whatever the system clock says: signed evidence plus running time since. */
  readonly floorMs: number;
  /** The highest trusted time. */
  readonly seenMs: number;
  /** False when the system clock was set back before this process started; until evidence bound to our own nonce. */
  readonly clockTrusted: boolean;
  /** The reading of interrupt time to which the above belongs. */
  readonly interruptMs: number;
}

/**
 * Trusted time of a service process that starts.
 *
 * Base is the later of floor and system clock; and, while that clock still counts as good, of the highest time seen.
 * Without the latter, a clock that is set back by less than the tolerance before each of many restarts would keep
 * trusted time where it is, and a token alive.
 */
export function startTime(
  persisted: { readonly floorMs: number; readonly seenMs: number },
  readings: Readings,
  builtAtMs: number,
): TrustedTime {
  const floorMs = Math.max(persisted.floorMs, builtAtMs);
  const knownMs = Math.max(persisted.seenMs, floorMs);
  const clockTrusted = readings.systemMs >= knownMs - clockBehindMs;
  const trustedMs = clockTrusted ? Math.max(readings.systemMs, knownMs) : Math.max(readings.systemMs, floorMs);
  return {
    trustedMs,
    floorMs,
    seenMs: Math.max(knownMs, trustedMs),
    clockTrusted,
    interruptMs: readings.interruptMs,
  };
}

/** Moves trusted time on by the interrupt time that passed. A changed system clock does not touch it. */
export function advanceTime(time: TrustedTime, interruptMs: number): TrustedTime {
  const elapsedMs = Math.max(0, interruptMs - time.interruptMs);
  const trustedMs = time.trustedMs + elapsedMs;
  return {
    ...time,
    trustedMs,
    floorMs: time.floorMs + elapsedMs,
    seenMs: Math.max(time.seenMs, trustedMs),
    interruptMs: time.interruptMs + elapsedMs,
  };
}

/** Takes signed evidence that it is not earlier than `evidence`. It may be old, so it only raises. */
export function raiseTime(time: TrustedTime, evidence: number): TrustedTime {
  const evidenceMs = evidence * 1000;
  const trustedMs = Math.max(time.trustedMs, evidenceMs);
  return {
    ...time,
    trustedMs,
    floorMs: Math.max(time.floorMs, evidenceMs),
    seenMs: Math.max(time.seenMs, trustedMs),
  };
}

/**
 * Takes evidence bound to a nonce of our own, made at second `madeAt` and at most `ageMs` ago: sets trusted time, up or
 * down, into what that leaves open, and believes the clock again.
 *
 * Whoever holds an answer back on its way makes `ageMs` longer and gains nothing: what lies inside stays as it is, and
 * a time that was too late comes down only to the latest possible one.
 */
export function setTime(time: TrustedTime, madeAt: number, ageMs: number): TrustedTime {
  const earliestMs = madeAt * 1000;
  const latestMs = earliestMs + 999 + Math.max(0, ageMs);
  const within = (ms: number): number => Math.min(Math.max(ms, earliestMs), latestMs);
  const trustedMs = within(time.trustedMs);
  return { ...time, trustedMs, floorMs: within(time.floorMs), seenMs: trustedMs, clockTrusted: true };
}

/** The second to judge tokens by. */
export function trustedSecond(time: TrustedTime): UnixSeconds {
  return toUnixSeconds(time.trustedMs);
}
