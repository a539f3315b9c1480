import { isUniqueViolation } from "../db/database-error.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { type PruneOptions, prune, removePruned } from "./prune.ts";
import { type Running, startSchedule } from "./schedule.ts";

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

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** Starts with a round at once, then one a minute. */
export function startAuditKeeper(options: AuditKeeperOptions): AuditKeeper {
  const { store, clock, checkpoints, nodeId, retentionDays, everyMs = minuteMs, warn } = options;

  async function work(schedule: Running): Promise<void> {
    const now = clock.now();
    if (!(await schedule.holdLease())) return;
    await sign();
    if (retentionDays === null || schedule.stopped) return;
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

  return startSchedule({
    durable: store.durable,
    clock,
    name: "audit",
    nodeId,
    everyMs,
    leaseMs: 2 * everyMs,
    lastRound: true,
    failed: (error) => warn(error, "keeping the audit log failed"),
    work,
  });
}
