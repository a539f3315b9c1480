import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { AuditEvent } from "../audit/entry.ts";
import type { Audit } from "../audit/record.ts";
import type { Change, News } from "../change-feed.ts";
import type { Origin } from "../http/origin.ts";
import { createIntent, deleteIntent } from "../profiles/intents.ts";
import { createDefaultProfile } from "../profiles/profiles.ts";
import { defaultSettings } from "../profiles/settings.ts";
import { migrations, type Store, type Tx } from "../schema.ts";
import { makeTestDatabase, type TestDatabase } from "../test-database.fixture.ts";
import { reassign } from "./assignment.ts";
import { type Followed, type FollowUpOptions, type FollowUps, startFollowUps } from "./follow-up.ts";
import { agentLimits } from "./limits.ts";

const agentIds = ["a", "b", "c", "d", "e"];
let database: TestDatabase;
let store: Store;
let now: number;
let started: FollowUps[];
let published: (Change | News)[];
let warnings: string[];
let recorded: AuditEvent[];

beforeEach(async () => {
  now = 1_000_000;
  started = [];
  published = [];
  warnings = [];
  recorded = [];
  database = await makeTestDatabase("migrated");
  store = await database.open(migrations);
  await store.durable(async (work) => {
    const tx = work.withoutPlugins(); // SQL written by hand is not read for its tenant, and refused
    await sql`insert into tenant values ('t', 'T', 't', 0, 0, 1)`.execute(tx);
    await createDefaultProfile(work, "t", "default", 0);
    const guarded = JSON.stringify({
      ...defaultSettings,
      serviceProtection: { ...defaultSettings.serviceProtection, on: true },
    });
    for (const id of ["on", "on too"]) {
      await sql`insert into profile values (${id}, 't', ${id}, ${id}, 0, ${guarded}, 0, 0, 0)`.execute(tx);
    }
    for (const id of agentIds) await insertAgent(tx, id);
  });
});

async function insertAgent(tx: Tx, id: string): Promise<void> {
  await sql`insert into agent
    (id, tenant_id, platform, host_name, host_name_search, facts, identity_key, identity_thumbprint, enrolled_at,
     profile_id, assigned_at, revision_lead, applied_rev, bundle_ver)
    values (${id}, 't', 'windows', ${`ws-${id}`}, 'h', '{"addresses":[]}', 'x', ${id}, 0, 'default', 0, 0, 0, 0)`.execute(
    tx,
  );
}

afterEach(async () => {
  for (const one of started) await one.stop();
  await store.close();
  await database.remove();
});

const audit = { record: (_: unknown, entry: AuditEvent) => void recorded.push(entry) } as unknown as Audit;
const origin: Origin = { who: { kind: "user", id: "u", name: "Ursula" }, address: null, requestId: null };
const feed = { publish: (_: unknown, change: Change | News) => void published.push(change) };

/** As a node starts it, for two agents in each transaction; rounds are asked for by the tests. */
function start(options: Partial<FollowUpOptions> = {}): FollowUps {
  let made = 0;
  const nodeId = `node ${started.length}`;
  const followUps = startFollowUps({
    store,
    audit,
    clock: { now: () => now },
    newId: () => `${nodeId}: ${++made}`,
    feed,
    nodeId,
    warn: (_, message) => void warnings.push(message),
    everyMs: 3_600_000,
    movedAtOnce: 2,
    ...options,
  });
  started.push(followUps);
  return followUps;
}

/** A user's edit: the intent stands in the database, and what follows from it has begun. */
function edit(
  followUps: FollowUps,
  id: string,
  profileId: string,
  hostName = "*",
  position?: number,
): Promise<Followed> {
  return store.durable(async (tx: Tx) => {
    await createIntent(tx, { id, tenantId: "t", name: id, profileId, filter: { hostName }, position }, now);
    return followUps.begin(tx, "t", { kind: "all" }, now);
  });
}

async function profiles(): Promise<string> {
  const rows = await database.query("select profile_id from agent order by id");
  return rows.map((row) => row["profile_id"]).join(", ");
}

async function notes(): Promise<number> {
  return (await database.query("select id from assignment_follow_up")).length;
}

const everyone = (profileId: string) => agentIds.map(() => profileId).join(", ");

test("agents that are few follow in the transaction of the edit, and each is told", async () => {
  const { changes, rest } = await edit(start(), "one of them", "on", "ws-a");
  expect([changes?.length, rest, await notes()]).toEqual([1, null, 0]);
  expect(await profiles()).toBe("on, default, default, default, default");
  expect(published).toEqual([{ kind: "assignment", tenantId: "t", agentId: "a" }]);
});

test("many agents follow after the edit, in several transactions, and are told when the last of them has", async () => {
  const followUps = start();
  const { changes, rest } = await edit(followUps, "all", "on");
  expect([changes?.length, rest?.agentIds, await notes()]).toEqual([5, agentIds, 1]);
  expect([await profiles(), published]).toEqual([everyone("default"), []]);
  await followUps.finish(rest, origin);
  expect([await profiles(), await notes()]).toEqual([everyone("on"), 0]);
  expect(published).toEqual(agentIds.map((agentId) => ({ kind: "assignment", tenantId: "t", agentId })));
});

test("very many agents are told once, however many transactions it takes", async () => {
  await store.durable(async (work) => {
    const tx = work.withoutPlugins();
    for (let n = 0; n < agentLimits.maxAgentsToldOneByOne; n++) await insertAgent(tx, `m${n}`);
  });
  const followUps = start({ movedAtOnce: 50 });
  const { rest } = await edit(followUps, "all", "on");
  await followUps.finish(rest, origin);
  expect(published).toEqual([{ kind: "assignment", tenantId: "t", agentId: null }]);
});

test("in a large tenant it is found out after the edit who moves, and an entry of who made the edit says how many did", async () => {
  const followUps = start({ plannedInEdit: 4 });
  const { changes, rest } = await edit(followUps, "all", "on");
  expect([changes, rest?.agentIds, await notes(), recorded]).toEqual([null, null, 1, []]);
  await followUps.finish(rest, origin);
  expect([await profiles(), await notes()]).toEqual([everyone("on"), 0]);
  const counts = { moved: 5, gains: 5, loses: 0 };
  expect(recorded).toMatchObject([{ tenantId: "t", action: "intent.follow", origin, details: { agents: counts } }]);

  const nobody = await edit(followUps, "nobody", "on too", "db-*", 0);
  await followUps.finish(nobody.rest, origin);
  expect(recorded.at(-1)?.details).toEqual({ agents: { moved: 0, gains: 0, loses: 0 } });
});

test("a tenant is large above the limit, not at it", async () => {
  const { changes, rest } = await edit(start({ plannedInEdit: 5 }), "all", "on");
  expect([changes?.length, rest?.agentIds]).toEqual([5, agentIds]);
});

test("an edit that moves nobody writes no agent, and tells nobody", async () => {
  const { changes, rest } = await edit(start(), "nobody", "on", "db-*");
  expect([changes, rest, await notes(), published]).toEqual([[], null, 0, []]);
});

test("what a node left on the way when it died is finished by another, once it is sure that nobody is at it", async () => {
  await edit(start(), "all", "on");
  const other = start();
  now += agentLimits.followUpStaleMs - 1;
  await other.round();
  expect([await profiles(), await notes()]).toEqual([everyone("default"), 1]);
  now += 1;
  await other.round();
  expect([await profiles(), await notes()]).toEqual([everyone("on"), 0]);
  expect(published).toEqual([{ kind: "assignment", tenantId: "t", agentId: null }]);
});

test("a start finishes what was left", async () => {
  await edit(start(), "all", "on");
  now += agentLimits.followUpStaleMs;
  start();
  await expect.poll(profiles, { timeout: 10_000 }).toBe(everyone("on"));
  await expect.poll(notes, { timeout: 10_000 }).toBe(0);
});

test("a node that stops leaves the rest for the next start, and the note with it", async () => {
  const followUps = start();
  const { rest } = await edit(followUps, "all", "on");
  await followUps.stop();
  await followUps.finish(rest, origin);
  expect([await profiles(), await notes(), published]).toEqual([everyone("default"), 1, []]);
});

test("an agent whose facts change between the edit and its turn does not lose its protection by them", async () => {
  const followUps = start();
  await followUps.finish((await edit(followUps, "guards", "on")).rest, origin);
  const { rest } = await edit(followUps, "loosens", "default", "ws-*", 0);
  // It reports that it is a server, which the edit is not about; then a workstation again.
  const report = (hostName: string) =>
    store.durable(async (tx) => {
      await tx
        .updateTable("agent")
        .set({ host_name: hostName })
        .where("tenant_id", "=", "t")
        .where("id", "=", "c")
        .execute();
      await reassign(tx, feed, "t", { kind: "agents", ids: ["c"] }, "facts", now);
    });
  await report("db-c");
  await report("ws-changed");
  await followUps.finish(rest, origin);
  expect(await profiles()).toBe("default, default, on, default, default");
  expect(await database.query("select id from agent where would_drop_profile_id = 'default'")).toEqual([{ id: "c" }]);
});

test("a second edit in between wins, whichever of the two is finished last", async () => {
  const followUps = start();
  const first = await edit(followUps, "first", "on");
  const second = await edit(followUps, "second", "on too", "*", 0);
  await followUps.finish(second.rest, origin);
  await followUps.finish(first.rest, origin);
  expect([await profiles(), await notes()]).toEqual([everyone("on too"), 0]);
});

test("an edit that is undone in between leaves the agents where they were", async () => {
  const followUps = start();
  const { rest } = await edit(followUps, "all", "on");
  const undone = await store.durable(async (tx) => {
    await deleteIntent(tx, "t", "all", now, () => {});
    return followUps.begin(tx, "t", { kind: "all" }, now);
  });
  expect(undone).toEqual({ changes: [], rest: null });
  await followUps.finish(rest, origin);
  expect([await profiles(), await notes()]).toEqual([everyone("default"), 0]);
});

test("a follow-up that fails is told to the operator and not to the user, whose edit is done, and is finished later", async () => {
  let isBroken = false;
  const durable: Store["durable"] = (work) => {
    if (isBroken) throw new Error("the disk is full");
    return store.durable(work);
  };
  const followUps = start({ store: { ...store, durable } });
  const { rest } = await edit(followUps, "all", "on");
  isBroken = true;
  await followUps.finish(rest, origin);
  expect(warnings).toEqual(["agents have still to follow a change of intents or labels; it is tried again"]);
  isBroken = false;
  now += agentLimits.followUpStaleMs;
  await followUps.round();
  expect([await profiles(), await notes()]).toEqual([everyone("on"), 0]);
});

test("nobody waits for ever: the answer comes, and the rest follows all the same", async () => {
  const followUps = start({ awaitedMs: 0 });
  const { rest } = await edit(followUps, "all", "on");
  await followUps.finish(rest, origin);
  await expect.poll(notes, { timeout: 10_000 }).toBe(0);
  expect(await profiles()).toBe(everyone("on"));
});

test("follow-ups of one tenant come one after the other, and a note that waits for its turn is not left on the way", async () => {
  let works = 0;
  const durable: Store["durable"] = (work) => {
    works += 1;
    // Each takes nearly as long as a node may be silent.
    now += agentLimits.followUpStaleMs - 1;
    return store.durable(work);
  };
  const followUps = start({ plannedInEdit: 4, store: { ...store, durable } });
  const other = start();
  await Promise.all([followUps.round(), other.round()]);
  const first = await edit(followUps, "first", "on");
  const second = await edit(followUps, "second", "on too", "*", 0);
  works = 0;
  const both = Promise.all([followUps.finish(first.rest, origin), followUps.finish(second.rest, origin)]);
  await expect.poll(() => works).toBeGreaterThan(1);
  await other.round();
  await both;
  expect([await profiles(), await notes()]).toEqual([everyone("on too"), 0]);
  // Three for the five agents, two in each; one that finds them where the second edit wants them.
  expect(works).toBe(4);
  expect(recorded.map(({ action }) => action)).toEqual(["intent.follow", "intent.follow"]);
});
