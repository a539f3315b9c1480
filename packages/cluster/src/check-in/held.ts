import type { Change, ChangeFeed } from "../change-feed.ts";
import { Problem } from "../http/problems.ts";

/** The one check-in of an agent that is being answered. */
export interface Turn {
  /** Aborted, with a Problem as its reason, when this check-in is to be answered no more. */
  readonly ended: AbortSignal;
  /** The sender has gone. */
  leave(): void;
  finish(): void;
}

/** The check-ins that are held, at most one for each agent. */
export interface HeldCheckIns {
  /** A newer check-in of the agent: the older one ends with `superseded`. */
  begin(agentId: string): Turn;
  count(): number;
  /** Ends all of them, and every later one, with `shutting_down`. */
  stop(): void;
}

export function createHeldCheckIns(): HeldCheckIns {
  const turns = new Map<string, AbortController>();
  let stopped = false;
  return {
    begin(agentId) {
      turns.get(agentId)?.abort(new Problem("superseded"));
      const controller = new AbortController();
      turns.set(agentId, controller);
      if (stopped) controller.abort(shuttingDown());
      return {
        ended: controller.signal,
        leave: () => controller.abort(new Problem("superseded", "The sender has gone.")),
        finish() {
          if (turns.get(agentId) === controller) turns.delete(agentId);
        },
      };
    },
    count: () => turns.size,
    stop() {
      stopped = true;
      for (const controller of turns.values()) controller.abort(shuttingDown());
    },
  };
}

function shuttingDown(): Problem {
  return new Problem("shutting_down", undefined, { headers: { "retry-after": "1" } });
}

/**
 * Waits for a change that concerns somebody, including those since `counter`, or until `ms` are over.
 *
 * @throws the reason of `ended` when that comes first
 */
export function waitForChange(
  feed: ChangeFeed,
  counter: number,
  concerns: (change: Change) => boolean,
  ms: number,
  ended: AbortSignal,
): Promise<"changed" | "over"> {
  return new Promise((resolve, reject) => {
    const stopListening = feed.changes((change) => {
      if (concerns(change)) settle(() => resolve("changed"));
    });
    const timer = setTimeout(() => settle(() => resolve("over")), ms);
    const onEnd = () => settle(() => reject(ended.reason));
    ended.addEventListener("abort", onEnd);
    function settle(how: () => void): void {
      stopListening();
      clearTimeout(timer);
      ended.removeEventListener("abort", onEnd);
      how();
    }

    const missed = feed.catchUpFrom(counter);
    if (ended.aborted) onEnd();
    else if (missed === null || missed.some(concerns)) settle(() => resolve("changed"));
  });
}
