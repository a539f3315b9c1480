import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Change, ChangeTables, News } from "./change-feed.ts";
import type { Store } from "./db/store.ts";
import {
  changeMigration,
  keptChanges,
  newsMigration,
  openSharedChangeFeed,
  type SharedChangeFeed,
} from "./shared-changes.ts";
import { engine, makeTestDatabase, type TestDatabase } from "./test-database.fixture.ts";

interface Node {
  readonly store: Store<ChangeTables>;
  readonly feed: SharedChangeFeed;
  readonly heard: Change[];
  readonly news: News[];
}

let database: TestDatabase;
const nodes: Node[] = [];

async function startNode(): Promise<Node> {
  const store = await database.open<ChangeTables>([changeMigration, newsMigration]);
  const feed = await openSharedChangeFeed(store, randomUUID, () => {});
  const heard: Change[] = [];
  feed.changes((change) => heard.push(change));
  const news: News[] = [];
  feed.news((one) => news.push(one));
  const node = { store, feed, heard, news };
  nodes.push(node);
  return node;
}

beforeEach(async () => {
  database = await makeTestDatabase();
});

afterEach(async () => {
  for (const { feed, store } of nodes.splice(0)) {
    await feed.close();
    await store.close();
  }
  await database.remove();
});

function profile(profileId: string): Change {
  return { kind: "profile", tenantId: "t", profileId };
}

function publish({ store, feed }: Node, ...ids: string[]): Promise<void> {
  return store.durable(async (tx) => {
    for (const id of ids) feed.publish(tx, profile(id));
  });
}

async function untilHeard({ heard }: Node, count: number): Promise<void> {
  const giveUpAt = Date.now() + 5_000;
  while (heard.length < count && Date.now() < giveUpAt) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(heard).toHaveLength(count);
}

test("a change is told once it is committed, in the order of the commits", async () => {
  const node = await startNode();
  await publish(node, "a", "b");
  await publish(node, "c");
  await untilHeard(node, 3);
  expect(node.heard).toEqual([profile("a"), profile("b"), profile("c")]);
  expect(node.feed.counter).toBe(3);
  expect(node.feed.catchUpFrom(1)).toEqual([profile("b"), profile("c")]);
});

test("a change that was undone is told to nobody", async () => {
  const node = await startNode();
  const undone = node.store.durable(async (tx) => {
    node.feed.publish(tx, profile("a"));
    throw new Error("no");
  });
  await expect(undone).rejects.toThrow("no");
  await publish(node, "b");
  await untilHeard(node, 1);
  expect(node.heard).toEqual([profile("b")]);
});

test("what was told before the start is not told again", async () => {
  const first = await startNode();
  await publish(first, "a");
  await untilHeard(first, 1);
  await first.feed.close();
  await first.store.close();
  nodes.length = 0;
  const second = await startNode();
  await publish(second, "b");
  await untilHeard(second, 1);
  expect(second.heard).toEqual([profile("b")]);
});

test("news go a way of their own, and what one commit says twice is told once", async () => {
  const node = await startNode();
  const news: News = { kind: "agent", tenantId: "t", agentId: "a" };
  await node.store.durable(async (tx) => {
    node.feed.publish(tx, news);
    node.feed.publish(tx, news);
    node.feed.publish(tx, profile("a"));
  });
  await untilHeard(node, 1);
  await expect.poll(() => node.news).toEqual([news]);
  expect(node.heard).toEqual([profile("a")]);
  expect(node.feed.counter).toBe(1);
});

test("only the newest changes are kept", async () => {
  const node = await startNode();
  await publish(node, ...Array.from({ length: keptChanges }, (_, index) => `${index}`));
  await untilHeard(node, keptChanges); // who has not looked when some are dropped is told "anything" instead
  await publish(node, "a", "b");
  const [row] = await database.query("select count(*) as n, min(number) as oldest from cluster_change");
  expect([Number(row?.["n"]), Number(row?.["oldest"])]).toEqual([keptChanges, 3]);
  await untilHeard(node, keptChanges + 2);
});

test.each([
  ["were dropped", "delete from cluster_change where number <= 2"],
  ["are of a database that was put back", "delete from cluster_change where number >= 1"],
])("when changes %s, anything may have happened", async (_, damage) => {
  const node = await startNode();
  await publish(node, "a");
  await untilHeard(node, 1);
  await database.query("insert into cluster_change values (2, 'b', '{}'), (3, 'c', '{}')");
  await database.query(damage);
  await publish(node, "b");
  await untilHeard(node, 2);
  expect(node.heard[1]).toEqual({ kind: "anything" });
  await publish(node, "c");
  await untilHeard(node, 3);
  expect(node.heard[2]).toEqual(profile("c"));
});

test("a kind that only a newer node knows wakes everybody", async () => {
  const node = await startNode();
  await database.query(`insert into cluster_change values (1, 'a', '{"kind":"unheard-of"}')`);
  await publish(node, "a");
  await untilHeard(node, 2);
  expect(node.heard).toEqual([{ kind: "anything" }, profile("a")]);
});

// SQLite has one node.
if (engine === "postgres") {
  test("every node hears of it at once", async () => {
    const [a, b, c] = [await startNode(), await startNode(), await startNode()];
    await publish(a, "a");
    await Promise.all([a, b, c].map((node) => untilHeard(node, 1)));
    await Promise.all([publish(b, "b"), publish(c, "c")]);
    await Promise.all([a, b, c].map((node) => untilHeard(node, 3)));
    await a.store.durable(async (tx) => a.feed.publish(tx, { kind: "journal", tenantId: "t", agentId: "a" }));
    for (const node of [a, b, c]) await expect.poll(() => node.news).toHaveLength(1);
    expect(a.heard).toEqual(b.heard);
    expect(a.heard).toEqual(c.heard);
  });

  test("a node that was cut off catches up as soon as it is back", async () => {
    const [a, b] = [await startNode(), await startNode()];
    await publish(a, "a");
    await untilHeard(b, 1);
    const cut = await database.query(
      "select count(pg_terminate_backend(pid)) as n from pg_stat_activity where query = 'listen postern' and datname = current_database()",
    );
    expect(Number(cut[0]?.["n"])).toBe(2);
    await publish(a, "b");
    await publish(a, "c");
    await untilHeard(b, 3);
    expect(b.heard).toEqual([profile("a"), profile("b"), profile("c")]);
    await publish(a, "d");
    await untilHeard(b, 4);
  });
}
