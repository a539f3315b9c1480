import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { makeTestDatabase, type TestDatabase } from "../test-database.fixture.ts";
import { gatherReads } from "./gathered-reads.ts";
import { dbLimits } from "./limits.ts";
import type { Store } from "./store.ts";

interface Tables {
  note: { id: string; text: string };
}

let database: TestDatabase;
let store: Store<Tables>;
let reads: (readonly string[])[];

beforeAll(async () => {
  database = await makeTestDatabase();
  const statements = ["create table note (id text primary key, text text not null)"];
  store = await database.open<Tables>([{ name: "note-1", statements }]);
});

beforeEach(async () => {
  reads = [];
  await store.durable(async (tx) => {
    await tx.deleteFrom("note").execute();
    const rows = ["a", "b", "c"].map((id) => ({ id, text: `note ${id}` }));
    await tx.insertInto("note").values(rows).execute();
  });
});

afterAll(async () => {
  await store.close();
  await database.remove();
});

function finder() {
  return gatherReads<Tables, string>(async (db, ids) => {
    reads.push(ids);
    const rows = await db.selectFrom("note").selectAll().where("id", "in", ids).execute();
    return new Map(rows.map(({ id, text }) => [id, text]));
  });
}

test("what is asked for in one turn is read together, each key once", async () => {
  const find = finder();
  const found = await Promise.all(["a", "b", "a", "nothing"].map((id) => find(store.reads, id)));
  expect(found).toEqual(["note a", "note b", "note a", undefined]);
  expect(reads).toEqual([["a", "b", "nothing"]]);
});

test("a change that was answered is seen by whoever asks then, also while others are being answered", async () => {
  const find = finder();
  const change = (text: string) =>
    store.durable((tx) => tx.updateTable("note").set({ text }).where("id", "=", "a").execute());
  const older = find(store.reads, "a");
  await change("new");
  expect(await find(store.reads, "a")).toBe("new");
  await older;

  // Asked for while a read is under way: not given what that one has seen.
  let began: () => void = () => {};
  let go: () => void = () => {};
  const slow = gatherReads<Tables, string>(async (db, ids) => {
    const rows = await db.selectFrom("note").selectAll().where("id", "in", ids).execute();
    began();
    await new Promise<void>((resolve) => {
      go = resolve;
    });
    return new Map(rows.map(({ id, text }) => [id, text]));
  });
  const hasBegun = new Promise<void>((resolve) => {
    began = resolve;
  });
  const first = slow(store.reads, "a");
  await hasBegun;
  await change("newest");
  const goFirst = go;
  const second = slow(store.reads, "a");
  goFirst();
  expect(await first).toBe("new");
  await new Promise((resolve) => setTimeout(resolve, 20));
  go();
  expect(await second).toBe("newest");
});

test("a read that fails fails for all who asked, and for nobody after them", async () => {
  let isBroken = true;
  const find = gatherReads<Tables, string>(async (_db, ids) => {
    if (isBroken) throw new Error("broken");
    return new Map(ids.map((id) => [id, id]));
  });
  const asked = await Promise.allSettled(["a", "b", "a"].map((id) => find(store.reads, id)));
  expect(asked.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  isBroken = false;
  expect(await find(store.reads, "a")).toBe("a");
});

test("no read is longer than one statement takes", async () => {
  const find = finder();
  const ids = Array.from({ length: dbLimits.maxRowsPerStatement + 1 }, (_, id) => String(id));
  await Promise.all(ids.map((id) => find(store.reads, id)));
  expect(reads.map(({ length }) => length)).toEqual([dbLimits.maxRowsPerStatement, 1]);
});

test("inside of a change it is read as the change has it", async () => {
  const find = finder();
  const seen = await store.durable(async (tx) => {
    await sql`update note set text = 'changed' where id = 'a'`.execute(tx);
    return [await find(tx, "a"), await find(tx, "b")];
  });
  expect(seen).toEqual(["changed", "note b"]);
  expect(reads).toEqual([["a"], ["b"]]);
});
