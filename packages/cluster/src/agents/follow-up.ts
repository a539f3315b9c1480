import type { Audit } from "../audit/record.ts";
import { startSchedule } from "../audit/schedule.ts";
import type { ChangePublisher } from "../change-feed.ts";
import type { Clock } from "../clock.ts";
import type { NewId } from "../db/ids.ts";
import { acrossTenants } from "../db/tenant-guard.ts";
import { type Origin, systemOrigin } from "../http/origin.ts";
import type { Store, Tx } from "../schema.ts";
import {
  type AssignmentChange,
  type AssignmentScope,
  hasMoreAgentsThan,
  place,
  planAssignment,
  publishMoves,
  reassign,
} from "./assignment.ts";
import { countsOf } from "./intent-schemas.ts";
import { agentLimits } from "./limits.ts";

/** Agents that are still to follow an edit which is stored. */
export interface FollowUp {
  readonly id: string;
  readonly tenantId: string;
  /** Null: the tenant has so many that it is still to be found out who moves. */
  readonly agentIds: readonly string[] | null;
}

/** What an edit leads to. */
export interface Followed {
  /**
   * Whom it moves, those included that are still to follow. Null: not known yet; the audit log gets an entry of its own,
   * `intent.follow`, when the last of them has followed.
   */
  readonly changes: readonly AssignmentChange[] | null;
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
   *
   * @param origin of the edit
   */
  finish(rest: FollowUp | null, origin: Origin): Promise<void>;
  /** Looks whether edits were left on the way. */
  round(): Promise<void>;
  stop(): Promise<void>;
}

export interface FollowUpOptions {
  readonly store: Store;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly feed: ChangePublisher;
  /** This node, by an id of its own. */
  readonly nodeId: string;
  /** Told of what an operator should look into. */
  readonly warn: (error: unknown, message: string) => void;
  readonly everyMs?: number;
  readonly movedAtOnce?: number;
  readonly plannedInEdit?: number;
  readonly awaitedMs?: number;
}

interface Job {
  readonly tenantId: string;
  readonly agentIds: readonly string[] | null;
  readonly notes: readonly string[];
  /** For an entry in the audit log; null: that of the edit says already how many follow. */
  readonly origin: Origin | null;
  /** Somebody else has begun it. */
  readonly isLeft: boolean;
}

/** Makes a round at once, then every `everyMs`. */
export function startFollowUps({
  store,
  audit,
  clock,
  newId,
  feed,
  nodeId,
  warn,
  everyMs = agentLimits.followUpEveryMs,
  movedAtOnce = agentLimits.maxAgentsMovedAtOnce,
  plannedInEdit = agentLimits.maxAgentsPlannedInEdit,
  awaitedMs = agentLimits.followUpAwaitedMs,
}: FollowUpOptions): FollowUps {
  /** For each tenant the last of its follow-ups that this node runs: one after the other, so that none redoes what another does. */
  const running = new Map<string, Promise<void>>();

  async function begin(tx: Tx, tenantId: string, scope: AssignmentScope, now: number): Promise<Followed> {
    if (scope.kind === "all" && (await hasMoreAgentsThan(tx, tenantId, plannedInEdit))) {
      return { changes: null, rest: { id: await note(tx, tenantId, now), tenantId, agentIds: null } };
    }
    const changes = await planAssignment(tx, tenantId, scope, now);
    const agentIds = changes.map(({ agentId }) => agentId);
    if (agentIds.length <= movedAtOnce) {
      await reassign(tx, feed, tenantId, { kind: "agents", ids: agentIds }, "edit", now);
      return { changes, rest: null };
    }
    return { changes, rest: { id: await note(tx, tenantId, now), tenantId, agentIds } };
  }

  async function note(tx: Tx, tenantId: string, now: number): Promise<string> {
    const id = newId();
    await tx.insertInto("assignment_follow_up").values({ id, tenant_id: tenantId, moved_at: now }).execute();
    return id;
  }

  async function finish(rest: FollowUp | null, origin: Origin): Promise<void> {
    if (rest === null) return;
    const { id, tenantId, agentIds } = rest;
    const job = { tenantId, agentIds, notes: [id], origin: agentIds === null ? origin : null, isLeft: false };
    const before = running.get(tenantId) ?? Promise.resolve();
    const following = before
      .then(() => follow(job))
      .catch((error: unknown) => {
        warn(error, "agents have still to follow a change of intents or labels; it is tried again");
      });
    running.set(tenantId, following);
    void following.then(() => {
      if (running.get(tenantId) === following) running.delete(tenantId);
    });
    let timer: NodeJS.Timeout | undefined;
    const longEnough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, awaitedMs);
    });
    await Promise.race([following, longEnough]);
    clearTimeout(timer);
  }

  /** Ends without an error before the last one has followed when the node stops: the notes stay. */
  async function follow(job: Job): Promise<void> {
    const { tenantId } = job;
    // Not in a transaction, where every other change would wait for it. Whoever is found is looked at again in one.
    const agentIds = job.agentIds ?? (await idsToMove(tenantId));
    const followed: AssignmentChange[] = [];
    let first = 0;
    do {
      if (schedule.stopped) return;
      const ids = agentIds.slice(first, first + movedAtOnce);
      first += movedAtOnce;
      const placed = await store.durable(async (tx) => {
        const now = clock.now();
        const changes = await place(tx, tenantId, { kind: "agents", ids }, "edit", now);
        if (first >= agentIds.length) await end(tx, job, [...followed, ...changes]);
        await goOn(tx, tenantId, now);
        return changes;
      });
      followed.push(...placed);
    } while (first < agentIds.length);
  }

  async function idsToMove(tenantId: string): Promise<string[]> {
    const changes = await planAssignment(store.reads, tenantId, { kind: "all" }, clock.now());
    return changes.map(({ agentId }) => agentId);
  }

  /** The notes that wait for their turn are not left on the way either. */
  async function goOn(tx: Tx, tenantId: string, now: number): Promise<void> {
    await tx.updateTable("assignment_follow_up").set({ moved_at: now }).where("tenant_id", "=", tenantId).execute();
  }

  async function end(tx: Tx, { tenantId, notes, origin, isLeft }: Job, changes: AssignmentChange[]): Promise<void> {
    await tx.deleteFrom("assignment_follow_up").where("tenant_id", "=", tenantId).where("id", "in", notes).execute();
    // Only now, and once when they are many: it makes every held check-in of the tenant look for itself. Of those that
    // were moved before others were left, nobody knows whether they were told.
    if (isLeft) feed.publish(tx, { kind: "assignment", tenantId, agentId: null });
    else publishMoves(tx, feed, tenantId, changes);
    if (origin === null) return;
    audit.record(tx, {
      tenantId,
      action: "intent.follow",
      outcome: "done",
      origin,
      target: { kind: "intent", id: null },
      details: { agents: countsOf(changes) },
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

  const schedule = startSchedule({
    durable: store.durable,
    clock,
    name: "follow-up",
    nodeId,
    everyMs,
    leaseMs: 2 * everyMs,
    failed(error) {
      warn(error, "agents have still to follow a change of intents or labels; the next round tries again");
    },
    async work({ holdLease }) {
      for (const [tenantId, notes] of Map.groupBy(await leftOnTheWay(), ({ tenant_id }) => tenant_id)) {
        if (!(await holdLease())) return;
        // What a note is about is not noted: whoever has not the profile that is theirs is to get it.
        const ids = notes.map(({ id }) => id);
        await follow({ tenantId, agentIds: null, notes: ids, origin: systemOrigin, isLeft: true });
      }
    },
  });
  return {
    begin,
    finish,
    round: schedule.round,
    async stop() {
      await Promise.all([schedule.stop(), ...running.values()]);
    },
  };
}
