import { Problem } from "../http/problems.ts";

const minuteMs = 60_000;

/** How many agent tokens one user may be given in a minute, by whichever of his sessions and API keys. */
export interface TokenRate {
  /**
   * Takes one.
   *
   * @throws {Problem} token_rate_limited, with `Retry-After` in seconds
   */
  spend(userId: string): void;
}

/**
 * A rate for each user: a whole minute's worth at once, and from then on one at a time as they come back (the generic cell
 * rate algorithm, ITU-T I.371). It holds on each node, so `n` nodes give `n` times as many: a bound against a stolen key
 * or a script gone wild, which needs no exact count, and costs no query.
 */
export function createTokenRate(perMinute: number, now: () => number): TokenRate {
  const eachMs = minuteMs / perMinute;
  /** When each user's minute would be whole again; who is not in it has one. */
  const wholeAt = new Map<string, number>();
  let sweptAt = 0;

  function sweep(at: number): void {
    if (at - sweptAt < minuteMs) return;
    sweptAt = at;
    for (const [userId, whole] of wholeAt) if (whole <= at) wholeAt.delete(userId);
  }

  return {
    spend(userId) {
      const at = now();
      sweep(at);
      const known = wholeAt.get(userId) ?? 0;
      // It is never further ahead than a minute, unless the clock went back: then it begins anew.
      const next = Math.max(at, known > at + minuteMs ? at : known) + eachMs;
      const waitMs = next - minuteMs - at;
      if (waitMs > 0) {
        const seconds = Math.max(1, Math.ceil(waitMs / 1000));
        throw new Problem(
          "token_rate_limited",
          `You were given ${perMinute} agent tokens within a minute, which is as many as one user may have. Wait ${seconds} s.`,
          { headers: { "retry-after": String(seconds) } },
        );
      }
      wholeAt.set(userId, next);
    },
  };
}
