import { endLease, takeLease } from "../audit/lease.ts";
import type { ChangePublisher } from "../change-feed.ts";
import type { Clock } from "../clock.ts";
import type { NewId } from "../db/ids.ts";
import { acrossTenants } from "../db/tenant-guard.ts";
import type { Store, Tx } from "../schema.ts";
import { type AssignmentChange, type AssignmentScope, place, planAssignment, reassign } from "./assignment.ts";
import { agentLimits } from "./limits.ts";

/** Agents that are still to follow an edit which is stored. */
export interface FollowUp {
  readonly id: string;
  readonly tenantId: string;
  readonly agentIds: readonly string[];
}

/** What an edit leads to. */
export interface Followed {
  /** Whom it moves, those included that are still to follow. */
  readonly changes: readonly AssignmentChange[];
  /** For {@link FollowUps.finish} once the edit is committed; null: all have followed. */
  readonly rest: FollowUp | null;
}

/**
 * How agents follow a user's edit (an intent, the order, labels) that is more than one transaction can take.
 *
 * The edit comes first: it is committed together with a note that agents have still to follow. Then they follow, some in
 * each transaction, each resolved once more in it, so what changed meanwhile counts: whoever enrols, reports facts or
 * gets labels since the edit was committed is held against the new intents anyway. The note goes with the last of them.
 * Where it is left, since a node died, a round finds it and lets the rest follow.
 *
 * An agent whose facts fall under another intent after the edit and before its turn may be kept from a profile that the
 * edit alone would have given it: facts alone never weaken, and a user confirms.
 */
export interface FollowUps {
  /** In the transaction of the edit: lets the agents follow at once when they are few. */
  begin(tx: Tx, tenantId: string, scope: AssignmentScope, now: number): Promise<Followed>;
  /**
   * Lets the rest follow, and waits for that, but not too long. Never throws: the edit is done, and what fails is told
   * and tried again by a round.
   */
  finish(rest: FollowUp | null): Promise<void>;
  /** Looks whether edits were left on the way. */
  round(): Promise<void>;
  stop(): Promise<void>;
}

export interface FollowUpOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly feed: ChangePublisher;
  /** This node, by an id of its own. */
  readonly nodeId: string;
  /** Told of what an operator should look into. */
  readonly warn: (error: unknown, message: string) => void;
  readonly everyMs?: number;
  readonly movedAtOnce?: number;
  readonly awaitedMs?: number;
}

const leaseName = "follow-up";

/** Makes a round at once, then every `everyMs`. */
export function startFollowUps({
  store,
  clock,
  newId,
  feed,
  nodeId,
  warn,
  everyMs = agentLimits.followUpEveryMs,
  movedAtOnce = agentLimits.maxAgentsMovedAtOnce,
  awaitedMs = agentLimits.followUpAwaitedMs,
}: FollowUpOptions): FollowUps {
  let stopped = false;
  const running = new Set<Promise<void>>();
  /** Rounds come one after the other. */
  let last: Promise<void> = Promise.resolve();

  async function begin(tx: Tx, tenantId: string, scope: AssignmentScope, now: number): Promise<Followed> {
    const changes = await planAssignment(tx, tenantId, scope, now);
    const agentIds = changes.map(({ agentId }) => agentId);
    if (agentIds.length <= movedAtOnce) {
      await reassign(tx, feed, tenantId, { kind: "agents", ids: agentIds }, "edit", now);
      return { changes, rest: null };
    }
    const id = newId();
    await tx.insertInto("assignment_follow_up").values({ id, tenant_id: tenantId, moved_at: now }).execute();
    return { changes, rest: { id, tenantId, agentIds } };
  }

  async function finish(rest: FollowUp | null): Promise<void> {
    if (rest === null) return;
    const following = follow(rest.tenantId, rest.agentIds, [rest.id]).catch((error: unknown) => {
      warn(error, "agents have still to follow a change of intents or labels; it is tried again");
    });
    running.add(following);
    void following.then(() => running.delete(following));
    let timer: NodeJS.Timeout | undefined;
    const longEnough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, awaitedMs);
    });
    await Promise.race([following, longEnough]);
    clearTimeout(timer);
  }

  /** Ends without an error before the last one has followed when the node stops: the notes stay. */
  async function follow(tenantId: string, agentIds: readonly string[], notes: readonly string[]): Promise<void> {
    for (let first = 0; first < agentIds.length; first += movedAtOnce) {
      if (stopped) return;
      const ids = agentIds.slice(first, first + movedAtOnce);
      await store.durable(async (tx) => {
        const now = clock.now();
        await place(tx, tenantId, { kind: "agents", ids }, "edit", now);
        await tx
          .updateTable("assignment_follow_up")
          .set({ moved_at: now })
          .where("tenant_id", "=", tenantId)
          .where("id", "in", notes)
          .execute();
      });
    }
    if (stopped) return;
    await store.durable(async (tx) => {
      await tx.deleteFrom("assignment_follow_up").where("tenant_id", "=", tenantId).where("id", "in", notes).execute();
      // One for all of them, and only now: each makes every held check-in of the tenant look for itself.
      feed.publish(tx, { kind: "assignment", tenantId, agentId: null });
    });
  }

  async function leftOnTheWay(): Promise<{ id: string; tenant_id: string }[]> {
    const now = clock.now();
    const notes = store.reads
      .selectFrom("assignment_follow_up")
      .select(["id", "tenant_id"])
      // Also when the clock went back.
      .where((note) =>
        note.or([
          note("moved_at", "<=", now - agentLimits.followUpStaleMs),
          note("moved_at", ">", now + agentLimits.followUpStaleMs),
        ]),
      );
    return acrossTenants(notes, "edits of any tenant may have been left on the way").execute();
  }

  async function work(): Promise<void> {
    if (stopped) return;
    for (const [tenantId, notes] of Map.groupBy(await leftOnTheWay(), ({ tenant_id }) => tenant_id)) {
      if (
        !(await takeLease(store.durable, { name: leaseName, holder: nodeId, now: clock.now(), forMs: 2 * everyMs }))
      ) {
        return;
      }
      // What the notes are about is not noted: whoever has not the profile that is theirs is to get it.
      const changes = await planAssignment(store.reads, tenantId, { kind: "all" }, clock.now());
      const agentIds = changes.map(({ agentId }) => agentId);
      const ids = notes.map(({ id }) => id);
      await follow(tenantId, agentIds, ids);
    }
  }

  function round(): Promise<void> {
    last = last.then(work).catch((error: unknown) => {
      if (!stopped)
        warn(error, "agents have still to follow a change of intents or labels; the next round tries again");
    });
    return last;
  }

  const timer = setInterval(() => void round(), everyMs);
  timer.unref();
  void round();
  return {
    begin,
    finish,
    round,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await Promise.all([last, ...running]);
      await endLease(store.durable, leaseName, nodeId).catch(() => {}); // it ends by itself, too
    },
  };
}
