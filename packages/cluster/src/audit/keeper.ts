import { isUniqueViolation } from "../db/database-error.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { endLease, takeLease } from "./lease.ts";
import { type PruneOptions, prune, removePruned } from "./prune.ts";

export interface AuditKeeperOptions extends PruneOptions {
  readonly checkpoints: Checkpoints;
  /** This node, by an id of its own. */
  readonly nodeId: string;
  /** Null: entries are kept for ever. */
  readonly retentionDays: number | null;
  readonly everyMs?: number;
  /** Told of what an operator should look into. */
  readonly warn: (error: unknown, message: string) => void;
}

/** Keeps the audit log: signs its heads and, where that is switched on, prunes what is old. */
export interface AuditKeeper {
  /** One round, when this node has the lease; what fails is told, and the next round tries again. */
  round(): Promise<void>;
  /** Ends after a last checkpoint, so that what was done until then is signed. */
  stop(): Promise<void>;
}

const leaseName = "audit";
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** Starts with a round at once, then one a minute. */
export function startAuditKeeper(options: AuditKeeperOptions): AuditKeeper {
  const { store, clock, checkpoints, nodeId, retentionDays, everyMs = minuteMs, warn } = options;
  let stopped = false;
  /** Rounds come one after the other. */
  let last: Promise<void> = Promise.resolve();

  async function work(): Promise<void> {
    const now = clock.now();
    if (!(await takeLease(store.durable, { name: leaseName, holder: nodeId, now, forMs: 2 * everyMs }))) return;
    await sign();
    if (retentionDays === null || stopped) return;
    const { left } = await prune(options, now - retentionDays * dayMs);
    if (left.length > 0) {
      warn(new Error(`chains: ${left.join(", ")}`), "the audit log does not verify, so nothing of it is pruned");
    }
    await removePruned(store);
  }

  async function sign(): Promise<void> {
    try {
      await checkpoints.signHeads();
    } catch (error) {
      if (!isUniqueViolation(error)) throw error; // else another node has just signed the same
    }
  }

  function round(): Promise<void> {
    last = last.then(work).catch((error: unknown) => warn(error, "keeping the audit log failed"));
    return last;
  }

  const timer = setInterval(() => void round(), everyMs);
  timer.unref();
  void round();
  return {
    round,
    async stop() {
      clearInterval(timer);
      stopped = true;
      await round();
      await endLease(store.durable, leaseName, nodeId).catch(() => {}); // it ends by itself, too
    },
  };
}
