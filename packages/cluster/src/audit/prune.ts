import type { Clock, UnixMs } from "../clock.ts";
import type { Db, Store } from "../schema.ts";
import { type Pruned, pruneEvent } from "./prune-entry.ts";
import type { Audit } from "./record.ts";
import { readStart, verifyChain } from "./verify.ts";
import { type CheckpointKeys, verifyCheckpoints } from "./verify-checkpoints.ts";

export const pruneLimits = {
  /** Entries removed in one transaction: it holds up every other change of its node. */
  entriesPerBatch: 500,
  /** Batches of one round; the rest waits for the next, a minute later. */
  batchesPerRound: 20,
  /** Each time costs an entry in every chain, and a verification. */
  everyMs: 24 * 60 * 60_000,
} as const;

export interface PruneOptions {
  readonly store: Pick<Store, "reads" | "durable">;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly keys: CheckpointKeys;
}

/**
 * What retention may remove of each chain: entries that a checkpoint of before `before` has signed. So none of them is
 * younger, and the rest still begins with a signed link.
 */
export async function planPrune(db: Db, before: UnixMs): Promise<Pruned[]> {
  const chains = await db.selectFrom("audit_chain").select("chain").orderBy("chain").execute();
  const plans: Pruned[] = [];
  for (const { chain } of chains) {
    const start = await readStart(db, chain);
    const signed = await db
      .selectFrom("audit_checkpoint_head as head")
      .innerJoin("audit_checkpoint as checkpoint", "checkpoint.n", "head.n")
      .select(["head.seq", "head.hash", "head.n"])
      .where("head.chain", "=", chain)
      .where("head.seq", ">", start.seq)
      .where("checkpoint.at", "<=", before)
      .orderBy("head.seq", "desc")
      .limit(1)
      .executeTakeFirst();
    if (signed === undefined) continue;
    const { seq, hash, n } = signed;
    plans.push({ chain, seq, hash, entries: seq - start.seq, checkpoint: n });
  }
  return plans;
}

/**
 * Decides that entries signed before `before` go, once a day for each chain, and enters that in the chain itself. A chain
 * that does not verify is left as it is, all of it: it is evidence.
 *
 * @returns what was pruned, and which chains were left
 */
export async function prune(
  { store, audit, clock, keys }: PruneOptions,
  before: UnixMs,
): Promise<{ readonly pruned: readonly Pruned[]; readonly left: readonly string[] }> {
  const { reads, durable } = store;
  const now = clock.now();
  const recent = await reads
    .selectFrom("audit_pruned")
    .select("chain")
    .where("at", ">", now - pruneLimits.everyMs)
    .execute();
  const notYet = new Set(recent.map(({ chain }) => chain));
  const plans = (await planPrune(reads, before)).filter(({ chain }) => !notYet.has(chain));
  if (plans.length === 0) return { pruned: [], left: [] };

  const checkpoints = await verifyCheckpoints(reads, keys);
  const pruned: Pruned[] = [];
  const left: string[] = [];
  for (const plan of plans) {
    const verdict = await verifyChain(reads, plan.chain, { newestCheckpoint: checkpoints.newest });
    if (checkpoints.fault !== null || verdict.fault !== null) {
      left.push(plan.chain);
      continue;
    }
    await durable(async (tx) => {
      const { chain, seq, hash } = plan;
      await tx
        .insertInto("audit_pruned")
        .values({ chain, seq, hash, at: now })
        .onConflict((conflict) => conflict.column("chain").doUpdateSet({ seq, hash, at: now }))
        .execute();
      audit.record(tx, pruneEvent(plan));
    });
    pruned.push(plan);
  }
  return { pruned, left };
}

/** Removes entries that stand before the beginning of their chain, in bounded transactions; the rest waits for the next round. */
export async function removePruned({ reads, durable }: Pick<Store, "reads" | "durable">): Promise<number> {
  const starts = await reads.selectFrom("audit_pruned").select(["chain", "seq"]).orderBy("chain").execute();
  let removed = 0;
  let batches = 0;
  for (const { chain, seq: last } of starts) {
    for (;;) {
      const first = await reads
        .selectFrom("audit_entry")
        .select("seq")
        .where("chain", "=", chain)
        .where("seq", "<=", last)
        .orderBy("seq")
        .limit(1)
        .executeTakeFirst();
      if (first === undefined) break;
      if (batches === pruneLimits.batchesPerRound) return removed;
      batches += 1;
      const to = Math.min(last, first.seq + pruneLimits.entriesPerBatch - 1);
      removed += await durable(async (tx) => {
        const deleted = await tx
          .deleteFrom("audit_entry")
          .where("chain", "=", chain)
          .where("seq", ">=", first.seq)
          .where("seq", "<=", to)
          .executeTakeFirst();
        return Number(deleted.numDeletedRows);
      });
    }
  }
  return removed;
}
