import { backoffBaseMs, backoffCapMs } from "../limits.ts";

/**
 * The pause before the next try after `failures` in a row: anywhere between nothing and a bound that doubles (full
 * jitter), so that agents that lost their cluster at one moment do not all come back at one moment.
 *
 * `atLeastMs` is what the cluster asked for; jitter goes on top of it, never below.
 */
export function backoffMs(failures: number, random: () => number, atLeastMs = 0): number {
  const bound = Math.min(backoffCapMs, backoffBaseMs * 2 ** Math.min(failures - 1, 16));
  return atLeastMs + Math.floor(random() * bound);
}
