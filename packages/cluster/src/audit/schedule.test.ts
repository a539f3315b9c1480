import { afterAll, beforeAll, expect, test } from "vitest";
import { migrations, type Store } from "../schema.ts";
import { makeTestDatabase, type TestDatabase } from "../test-database.fixture.ts";
import { type Schedule, startSchedule } from "./schedule.ts";

let database: TestDatabase;
let store: Store;

beforeAll(async () => {
  database = await makeTestDatabase();
  store = (await database.open(migrations)) as unknown as Store;
});
afterAll(async () => {
  await store.close();
  await database.remove();
});

function start(name: string, nodeId: string, work: (schedule: Schedule) => Promise<void>, more: object = {}) {
  const failures: unknown[] = [];
  const schedule: Schedule = startSchedule({
    durable: store.durable,
    clock: { now: () => 1_000 },
    name,
    nodeId,
    everyMs: 3_600_000,
    leaseMs: 60_000,
    failed: (error) => failures.push(error),
    work: () => work(schedule),
    ...more,
  });
  return { schedule, failures };
}

test("rounds come one after the other, the first at once, and one that fails keeps none of the others", async () => {
  const seen: string[] = [];
  const { schedule, failures } = start("in turn", "a", async () => {
    seen.push("begin");
    await new Promise((resolve) => setTimeout(resolve, 5));
    seen.push("end");
    if (seen.length === 2) throw new Error("the first one");
  });
  await Promise.all([schedule.round(), schedule.round()]);
  expect(seen).toEqual(["begin", "end", "begin", "end", "begin", "end"]);
  expect(failures).toMatchObject([{ message: "the first one" }]);
  await schedule.stop();
});

test("one node has the lease, and another gets it when that one stops", async () => {
  const held: [string, boolean][] = [];
  const [a, b] = ["a", "b"].map((node) =>
    start("by one", node, async (schedule) => void held.push([node, await schedule.holdLease()])),
  );
  await a?.schedule.round();
  await b?.schedule.round();
  await a?.schedule.stop();
  await b?.schedule.round();
  expect(held.filter(([, has]) => has).map(([node]) => node)).toEqual(["a", "a", "b"]);
  await b?.schedule.stop();
});

test("after the stop there is no round any more, but for the last one where it is wanted", async () => {
  let rounds = 0;
  const count = async () => void rounds++;
  const plain = start("plain", "a", count);
  await plain.schedule.round();
  await plain.schedule.stop();
  await plain.schedule.round();
  expect(rounds).toBe(2);
  expect(plain.schedule.stopped).toBe(true);
  const last = start("last", "a", count, { lastRound: true });
  await last.schedule.round();
  await last.schedule.stop();
  expect(rounds).toBe(5);
});
