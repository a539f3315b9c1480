import { startSchedule } from "../audit/schedule.ts";
import type { ChangeFeed, ChangePublisher } from "../change-feed.ts";
import type { Clock } from "../clock.ts";
import type { NewId } from "../db/ids.ts";
import { dbLimits } from "../db/limits.ts";
import { acrossTenants } from "../db/tenant-guard.ts";
import type { Store } from "../schema.ts";
import { type AlarmServices, type Occurrence, raiseAlarms, resolveAlarms } from "./alarms.ts";
import { alarmLimits } from "./limits.ts";
import { conditions } from "./standing-conditions.ts";

export interface AlarmWatchOptions extends AlarmServices {
  readonly store: Store;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly feed: ChangeFeed & ChangePublisher;
  /** This node, by an id of its own. */
  readonly nodeId: string;
  readonly everyMs: number;
  /** Told of what an operator should look into. */
  readonly warn: (error: unknown, message: string) => void;
}

/** Raises and resolves the alarms that come and go with the passing of time, or with people's edits. */
export interface AlarmWatch {
  /** One round, when this node has the lease; what fails is told, and the next round tries again. */
  round(): Promise<void>;
  stop(): Promise<void>;
}

/** Edits often come in a row. */
const afterEditMs = 500;

/** Makes a round at once, then every `everyMs`, and soon after an edit that may end something. */
export function startAlarmWatch(options: AlarmWatchOptions): AlarmWatch {
  const { store, clock, feed, nodeId, everyMs, warn } = options;
  let soon: NodeJS.Timeout | undefined;
  const schedule = startSchedule({
    durable: store.durable,
    clock,
    name: "alarms",
    nodeId,
    everyMs,
    leaseMs: Math.max(3 * everyMs, alarmLimits.outageMs),
    failed: (error) => warn(error, "looking for alarms failed"),
    async work({ holdLease }) {
      const now = clock.now();
      if (await holdLease()) await makeRound(options, now);
    },
  });
  const stopListening = feed.changes(({ kind }) => {
    if (kind !== "assignment" && kind !== "anything") return;
    soon ??= setTimeout(() => {
      soon = undefined;
      void schedule.round();
    }, afterEditMs);
  });
  return {
    round: schedule.round,
    async stop() {
      stopListening();
      clearTimeout(soon);
      await schedule.stop();
    },
  };
}

async function makeRound(options: AlarmWatchOptions, now: number): Promise<void> {
  const { store, feed } = options;
  const silenceCounts = (await noteRound(store, now)) <= now;
  for (const { kind, isSilence, ended, begun } of conditions) {
    const over = await ended(store.reads, now);
    for (const subjects of inBatches(over)) {
      await store.durable((tx) => resolveAlarms(tx, feed, kind, subjects, now));
    }
    if (isSilence && !silenceCounts) continue;
    const found: readonly Occurrence[] = await begun(store.reads, now);
    for (const some of inBatches(found)) await store.durable((tx) => raiseAlarms(tx, options, some, now));
  }
  await removeOld(store, now);
}

/**
 * Notes that there is a round now. When the last one is long ago, the cluster was away itself, or out of reach of its
 * database; then agents first get the time to come back.
 *
 * @returns from when on silence says something
 */
function noteRound({ durable }: Store, now: number): Promise<number> {
  return durable(async (tx) => {
    const last = await tx.selectFrom("alarm_watch").selectAll().where("id", "=", 1).executeTakeFirst();
    const wasAway = last === undefined || now - last.round_at > alarmLimits.outageMs;
    const waits_until = wasAway ? now + alarmLimits.comeBackMs : last.waits_until;
    await tx
      .insertInto("alarm_watch")
      .values({ id: 1, round_at: now, waits_until })
      .onConflict((conflict) => conflict.column("id").doUpdateSet({ round_at: now, waits_until }))
      .execute();
    return waits_until;
  });
}

const keepingOrder = "old alarms of all tenants are removed";

async function removeOld({ reads, durable }: Store, now: number): Promise<void> {
  const old = reads
    .selectFrom("alarm")
    .select("id")
    .where("closed_at", "<", now - alarmLimits.keepMs)
    .orderBy("closed_at")
    .limit(alarmLimits.maxRemovedPerRound);
  const ids = (await acrossTenants(old, keepingOrder).execute()).map(({ id }) => id);
  if (ids.length === 0) return;
  await durable((tx) => acrossTenants(tx.deleteFrom("alarm").where("id", "in", ids), keepingOrder).execute());
}

function* inBatches<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let start = 0; start < items.length; start += dbLimits.maxRowsPerStatement) {
    yield items.slice(start, start + dbLimits.maxRowsPerStatement);
  }
}
