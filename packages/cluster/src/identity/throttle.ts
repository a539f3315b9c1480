import { createHash } from "node:crypto";
import { isIPv6 } from "node:net";
import type { Clock, UnixMs } from "../clock.ts";
import { toSearchText } from "../db/search-text.ts";
import { Problem } from "../http/problems.ts";
import type { Db, Durable, Tx } from "../schema.ts";
import { identityLimits } from "./limits.ts";
import type { LoginCounterTable } from "./tables.ts";

/**
 * Whose password is tried: a name from an address, or by a session its own user's. A name counts whether or not
 * somebody has it.
 */
export type Attempt =
  | { readonly kind: "log-in"; readonly name: string; readonly address: string }
  | { readonly kind: "session"; readonly sessionId: string };

/**
 * Slows the guessing of passwords, counting in the database for all nodes. Failures count by name and address together,
 * by address, and by name; each has some free, and then a wait that doubles up to a bound.
 *
 * Whoever has logged in by this name from this address before is held by the first counter only, so that strangers
 * cannot lock a person out with the other two (NIST SP 800-63B-4 §3.2.2). A session counts for itself.
 */
export interface LoginThrottle {
  /**
   * Counts an attempt as failed before it is known to be: attempts made at once must all count. One that must wait
   * does not count, so that trying too early makes nothing longer.
   *
   * @throws {Problem} login_throttled, with `Retry-After` in seconds
   */
  begin(attempt: Attempt): Promise<void>;
  /** After a success: takes this attempt back, and what the same person mistyped before from there. */
  succeeded(tx: Tx, attempt: Attempt, userId: string): Promise<void>;
}

/** After a password was set anew: where the old one was used counts for nothing. */
export async function forgetKnownLogins(tx: Tx, userId: string): Promise<void> {
  await tx.deleteFrom("known_login").where("user_id", "=", userId).execute();
}

export function createLoginThrottle(
  reads: Db,
  durable: Durable,
  clock: Clock,
  maxCounters: number = identityLimits.maxLoginCounters,
): LoginThrottle {
  async function countersFor(attempt: Attempt, now: UnixMs): Promise<Counter[]> {
    const [own, ...shared] = countersOf(attempt);
    if (own === undefined || shared.length === 0) return own === undefined ? [] : [own];
    return (await isKnown(reads, own.key, now)) ? [own] : [own, ...shared];
  }

  return {
    async begin(attempt) {
      const now = clock.now();
      const counters = await countersFor(attempt, now);
      refuseEarly(counters, await liveCounts(reads, counters, now), now); // a flood of refused ones writes nothing
      const surplus = (await countAll(reads)) - maxCounters;
      await durable(async (tx) => {
        const counts = await liveCounts(tx, counters, now);
        refuseEarly(counters, counts, now);
        await tx.deleteFrom("login_counter").where("ends_at", "<=", now).execute();
        if (surplus >= 0) await makeRoom(tx, surplus + Math.ceil(maxCounters / 100)); // not at every attempt
        for (const counter of counters) await store(tx, counted(counter, counts.get(counter.key), now));
      });
    },

    async succeeded(tx, attempt, userId) {
      const now = clock.now();
      const [own, ...shared] = countersOf(attempt);
      if (own === undefined) return;
      await tx.deleteFrom("login_counter").where("key", "=", own.key).execute();
      if (attempt.kind === "session") return;
      if (!(await isKnown(tx, own.key, now))) await takeBack(tx, shared, now); // else they were not counted
      await remember(tx, own.key, userId, now);
    },
  };
}

interface Bound {
  readonly free: number;
  readonly windowMs: number;
  readonly longestWaitMs: number;
}

interface Counter {
  readonly key: string;
  readonly bound: Bound;
}

/** The attempt's own counter first, then those that it shares with others. */
function countersOf(attempt: Attempt): Counter[] {
  const { pair, session, address: byAddress, name: byName } = identityLimits.throttle;
  if (attempt.kind === "session") return [{ key: keyOf("session", attempt.sessionId), bound: session }];
  const name = toSearchText(attempt.name);
  const network = networkOf(attempt.address);
  return [
    { key: keyOf("pair", name, network), bound: pair },
    { key: keyOf("address", network), bound: byAddress },
    { key: keyOf("name", name), bound: byName },
  ];
}

function keyOf(...parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
}

/** Who has one IPv6 address has the other 2^64 of its network, too (RFC 6177). */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  if (!isIPv6(plain)) return plain;
  const [head = "", tail] = plain.split("%", 1)[0]?.split("::") ?? [];
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: Math.max(0, zeros) }, () => "0"), ...right];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
}

/** How long after the last failure the next attempt may come. */
function waitMs({ free, longestWaitMs }: Bound, failures: number): number {
  if (failures < free) return 0;
  return Math.min(longestWaitMs, 1000 * 2 ** (failures - free));
}

function refuseEarly(counters: readonly Counter[], counts: ReadonlyMap<string, LoginCounterTable>, now: UnixMs): void {
  const openAt = counters.map(({ key, bound }) => {
    const row = counts.get(key);
    const wait = row === undefined ? 0 : waitMs(bound, row.failures);
    // `last_at` may be later than now: of attempts at once each has its own time, and so has each node.
    return row === undefined || wait === 0 ? 0 : Math.min(row.ends_at, row.last_at + wait);
  });
  const leftMs = Math.max(...openAt) - now;
  if (leftMs <= 0) return;
  throw new Problem("login_throttled", undefined, { headers: { "retry-after": String(Math.ceil(leftMs / 1000)) } });
}

function counted({ key, bound }: Counter, before: LoginCounterTable | undefined, now: UnixMs): LoginCounterTable {
  if (before === undefined) return { key, failures: 1, last_at: now, ends_at: now + bound.windowMs };
  return { ...before, failures: before.failures + 1, last_at: Math.max(before.last_at, now) };
}

async function liveCounts(
  db: Db,
  counters: readonly Counter[],
  now: UnixMs,
): Promise<ReadonlyMap<string, LoginCounterTable>> {
  const rows = await db
    .selectFrom("login_counter")
    .selectAll()
    .where(
      "key",
      "in",
      counters.map(({ key }) => key),
    )
    .where("ends_at", ">", now)
    .execute();
  return new Map(rows.map((row) => [row.key, row]));
}

async function store(tx: Tx, row: LoginCounterTable): Promise<void> {
  const { key: _, ...changed } = row;
  await tx
    .insertInto("login_counter")
    .values(row)
    .onConflict((conflict) => conflict.column("key").doUpdateSet(changed))
    .execute();
}

/** Takes one failure from each; the failures of others stay. */
async function takeBack(tx: Tx, counters: readonly Counter[], now: UnixMs): Promise<void> {
  for (const [key, row] of await liveCounts(tx, counters, now)) {
    await tx
      .updateTable("login_counter")
      .set({ failures: Math.max(0, row.failures - 1) })
      .where("key", "=", key)
      .execute();
  }
}

async function isKnown(db: Db, key: string, now: UnixMs): Promise<boolean> {
  const row = await db
    .selectFrom("known_login")
    .select("key")
    .where("key", "=", key)
    .where("seen_at", ">", now - identityLimits.knownLoginMs)
    .executeTakeFirst();
  return row !== undefined;
}

async function remember(tx: Tx, key: string, userId: string, now: UnixMs): Promise<void> {
  await tx
    .insertInto("known_login")
    .values({ key, user_id: userId, seen_at: now })
    .onConflict((conflict) => conflict.column("key").doUpdateSet({ user_id: userId, seen_at: now }))
    .execute();
  const newest = tx
    .selectFrom("known_login")
    .select("key")
    .where("user_id", "=", userId)
    .orderBy("seen_at", "desc")
    .orderBy("key")
    .limit(identityLimits.maxKnownLogins);
  await tx.deleteFrom("known_login").where("user_id", "=", userId).where("key", "not in", newest).execute();
}

async function countAll(reads: Db): Promise<number> {
  const row = await reads
    .selectFrom("login_counter")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

async function makeRoom(tx: Tx, count: number): Promise<void> {
  const first = tx.selectFrom("login_counter").select("key").orderBy("ends_at").limit(count);
  await tx.deleteFrom("login_counter").where("key", "in", first).execute();
}
