import type { Answer } from "@postern/protocol";
import type { CheckInSettings } from "../profiles/settings.ts";

/** When agents come and how long they are held, unless their profile says otherwise. */
export interface CheckInTiming {
  /** How long a check-in is held when there is nothing to tell; 0: never, agents then come every `pollMs`. */
  readonly holdMs: number;
  readonly pollMs: number;
}

/** Proxies cut silent connections at 60 s; with 10 % more this stays well below. */
export const usualTiming: CheckInTiming = { holdMs: 45_000, pollMs: 30_000 };

/** What an agent is told to do next, by its profile. */
export function nextOf(usual: CheckInTiming, profile: CheckInSettings): Answer["next"] {
  const holdMs = profile.holdMs ?? usual.holdMs;
  return { holdMs, afterMs: profile.afterMs ?? (holdMs === 0 ? usual.pollMs : 0) };
}

/**
 * The hold of one check-in: ± 10 %, so that agents that came together do not come together again.
 *
 * @param random 0 to 1
 */
export function spreadHold(holdMs: number, random: number): number {
  return Math.round(holdMs * (0.9 + 0.2 * random));
}

/** Until when an agent that checked in `now` must have come again, if all goes well. */
export function dueAfter({ holdMs, afterMs }: Answer["next"], now: number): number {
  return now + spreadHold(holdMs, 1) + afterMs;
}
