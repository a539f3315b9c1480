import type { Audit } from "../audit/record.ts";
import { startSchedule } from "../audit/schedule.ts";
import type { ChangePublisher } from "../change-feed.ts";
import type { Clock } from "../clock.ts";
import type { NewId } from "../db/ids.ts";
import { systemOrigin } from "../http/origin.ts";
import type { Store, Tx } from "../schema.ts";
import { findAgentAnywhere } from "./agents.ts";
import { deleteAgent } from "./deletion.ts";
import { slices } from "./labels.ts";
import { agentLimits } from "./limits.ts";
import { findSilentAgents, type SilentAgent, waitsUntil } from "./silence.ts";

export interface CleanUpOptions {
  readonly store: Store;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly feed: ChangePublisher;
  /** This node, by an id of its own. */
  readonly nodeId: string;
  readonly everyMs: number;
  /** Told of what an operator should look into. */
  readonly warn: (error: unknown, message: string) => void;
}

/** Deletes agents that have been silent for as long as their profile says. */
export interface CleanUp {
  /** One round, when this node has the lease; what fails is told, and the next round tries again. */
  round(): Promise<void>;
  stop(): Promise<void>;
}

/** Makes a round at once, then every `everyMs`. */
export function startCleanUp(options: CleanUpOptions): CleanUp {
  const { store, clock, nodeId, everyMs, warn } = options;
  return startSchedule({
    durable: store.durable,
    clock,
    name: "clean-up",
    nodeId,
    everyMs,
    leaseMs: Math.max(2 * everyMs, agentLimits.outageMs / 2),
    failed: (error) => warn(error, "cleaning up silent agents failed"),
    async work(schedule) {
      const now = clock.now();
      if (!(await schedule.holdLease())) return;
      await noteRound(options, now);
      if ((await waitsUntil(store.reads, now)) !== null) return;
      const silent = await findSilentAgents(store.reads, { reach: "everywhere" }, now);
      for (const some of slices(silent)) {
        if (schedule.stopped) return;
        await store.durable((tx) => deleteSilent(tx, options, some, now));
      }
    },
  });
}

/**
 * Notes that the cluster could hear agents until now. When the last round is long ago, it was away itself, or restored, or
 * its clock has jumped: that time says nothing about any agent. Neither does what was before the first round.
 */
function noteRound({ store, newId }: CleanUpOptions, now: number): Promise<void> {
  return store.durable(async (tx) => {
    const last = await tx.selectFrom("clean_up_watch").select("round_at").where("id", "=", 1).executeTakeFirst();
    const from_at = last?.round_at ?? 0;
    if (now - from_at > agentLimits.outageMs) {
      await tx.insertInto("agent_outage").values({ id: newId(), from_at, until_at: now }).execute();
    }
    await tx
      .insertInto("clean_up_watch")
      .values({ id: 1, round_at: now })
      .onConflict((conflict) => conflict.column("id").doUpdateSet({ round_at: now }))
      .execute();
  });
}

/** Looks at each of them once more, in the transaction that deletes it: it may have come back in this very moment. */
async function deleteSilent(
  tx: Tx,
  { audit, feed }: CleanUpOptions,
  agents: readonly SilentAgent[],
  now: number,
): Promise<void> {
  for (const { id, seenAt, profileId, afterDays } of agents) {
    const known = await findAgentAnywhere(tx, id);
    if (known === undefined || known.presence.seen_at !== seenAt || known.agent.profile_id !== profileId) continue;
    if (known.profile.settings.cleanUpAfterDays !== afterDays) continue;
    const cause = { origin: systemOrigin, why: "clean-up", details: { cleanUpAfterDays: afterDays } };
    await deleteAgent(tx, audit, feed, known, cause, now);
  }
}
