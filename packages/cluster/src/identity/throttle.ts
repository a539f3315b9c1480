import type { Clock, UnixMs } from "../clock.ts";
import { Problem } from "../http/problems.ts";
import { identityLimits } from "./limits.ts";

/**
 * Slows the guessing of passwords: counts failures by name and address together, by address, and by name. The bound by
 * name alone is wide, so that a stranger cannot lock somebody out with a few attempts.
 */
export interface LoginThrottle {
  /** @throws {Problem} login_throttled, with `Retry-After` in seconds */
  check(name: string, address: string): void;
  /** Counts an attempt as failed, before it is known: attempts made at once must all count. */
  countFailure(name: string, address: string): void;
  /** After a success: takes this attempt back, and what the same person mistyped before. */
  forget(name: string, address: string): void;
}

interface Window {
  readonly since: UnixMs;
  failures: number;
}

export function createLoginThrottle(clock: Clock): LoginThrottle {
  const windows = new Map<string, Window>();

  function current(key: string): Window | undefined {
    const window = windows.get(key);
    if (window !== undefined && clock.now() - window.since < identityLimits.failureWindowMs) return window;
    windows.delete(key);
    return undefined;
  }

  return {
    check(name, address) {
      for (const { key, limit } of keysOf(name, address)) {
        const window = current(key);
        if (window === undefined || window.failures < limit) continue;
        const seconds = Math.ceil((window.since + identityLimits.failureWindowMs - clock.now()) / 1000);
        throw new Problem("login_throttled", undefined, { headers: { "retry-after": String(seconds) } });
      }
    },
    countFailure(name, address) {
      for (const { key } of keysOf(name, address)) {
        const window = current(key) ?? { since: clock.now(), failures: 0 };
        window.failures += 1;
        windows.set(key, window);
      }
      while (windows.size > identityLimits.maxThrottleEntries) {
        const oldest = windows.keys().next();
        if (oldest.done) break;
        windows.delete(oldest.value);
      }
    },
    forget(name, address) {
      const [pair, ...others] = keysOf(name, address);
      if (pair !== undefined) windows.delete(pair.key);
      for (const { key } of others) {
        const window = current(key);
        if (window !== undefined) window.failures -= 1; // this attempt; the failures of others stay
      }
    },
  };
}

function keysOf(name: string, address: string): { key: string; limit: number }[] {
  return [
    { key: JSON.stringify([name, address]), limit: identityLimits.failuresPerPair },
    { key: JSON.stringify([null, address]), limit: identityLimits.failuresPerAddress },
    { key: JSON.stringify([name, null]), limit: identityLimits.failuresPerName },
  ];
}
