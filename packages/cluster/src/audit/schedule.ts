import type { Clock } from "../clock.ts";
import type { Durable } from "../schema.ts";
import { endLease, takeLease } from "./lease.ts";

export interface ScheduleOptions {
  readonly durable: Durable;
  readonly clock: Clock;
  /** What only one node is to do at a time. */
  readonly name: string;
  /** This node, by an id of its own. */
  readonly nodeId: string;
  readonly everyMs: number;
  /** How long the lease of a node that died keeps the others from it. */
  readonly leaseMs: number;
  /** Makes one more round at the stop, for what was done until then. */
  readonly lastRound?: boolean;
  /** Told of a round that failed; the next one tries again. A node that stops fails at much, and nobody is told. */
  readonly failed: (error: unknown) => void;
  /** One round. Asks for the lease where it begins to change something. */
  work(schedule: Running): Promise<void>;
}

/** What a round knows of its schedule. */
export interface Running {
  /** The node is shutting down: what can wait is left to the next one. */
  readonly stopped: boolean;
  /** Takes the lease, or makes it last; false: another node has it. */
  holdLease(): Promise<boolean>;
}

/** Something that is done again and again, by one node at a time. */
export interface Schedule extends Running {
  /** One more round, after those under way. Never throws. */
  round(): Promise<void>;
  /** Ends after the round that is under way, and gives the lease back. */
  stop(): Promise<void>;
}

/** Makes a round at once, then every `everyMs`, one after the other. */
export function startSchedule(options: ScheduleOptions): Schedule {
  const { durable, clock, name, nodeId, everyMs, leaseMs, lastRound = false, failed, work } = options;
  let stopped = false;
  /** Rounds come one after the other. */
  let last: Promise<void> = Promise.resolve();

  const running: Running = {
    get stopped() {
      return stopped;
    },
    holdLease: () => takeLease(durable, { name, holder: nodeId, now: clock.now(), forMs: leaseMs }),
  };

  function round(): Promise<void> {
    last = last
      .then(async () => {
        if (!stopped || lastRound) await work(running);
      })
      .catch((error: unknown) => {
        if (!stopped || lastRound) failed(error);
      });
    return last;
  }

  const timer = setInterval(() => void round(), everyMs);
  timer.unref();
  void round();
  return {
    get stopped() {
      return stopped;
    },
    holdLease: running.holdLease,
    round,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await (lastRound ? round() : last);
      await endLease(durable, name, nodeId).catch(() => {}); // it ends by itself, too
    },
  };
}
