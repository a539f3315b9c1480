import type { Answer } from "@postern/protocol";

/** When agents come and how long they are held. */
export interface CheckInTiming {
  /** How long a check-in is held when there is nothing to tell; 0: never, agents then come every `pollMs`. */
  readonly holdMs: number;
  readonly pollMs: number;
}

/** Proxies cut silent connections at 60 s; with 10 % more this stays well below. */
export const usualTiming: CheckInTiming = { holdMs: 45_000, pollMs: 30_000 };

/** What the agent is told to do next. */
export function nextOf({ holdMs, pollMs }: CheckInTiming): Answer["next"] {
  return holdMs === 0 ? { holdMs, afterMs: pollMs } : { holdMs, afterMs: 0 };
}

/**
 * The hold of one check-in: ± 10 %, so that agents that came together do not come together again.
 *
 * @param random 0 to 1
 */
export function spreadHold({ holdMs }: CheckInTiming, random: number): number {
  return Math.round(holdMs * (0.9 + 0.2 * random));
}

/** Until when the agent must have come again, if all goes well. */
export function dueAfter(timing: CheckInTiming, now: number): number {
  return now + spreadHold(timing, 1) + nextOf(timing).afterMs;
}
