import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type CommitLane, deferToCommit } from "./commit-lane.ts";
import { DatabaseError, isUniqueViolation } from "./database-error.ts";
import type { Migration } from "./migration.ts";
import { openSqliteStore } from "./sqlite/open.ts";
import type { Store } from "./store.ts";

interface Tables {
  note: { id: number; text: string; seen: 0 | 1 };
}

const migrations: Migration[] = [
  {
    name: "note-1",
    statements: ["create table note (id int8 primary key, text text not null unique, seen flag not null)"],
  },
];

let directory: string;
let store: Store<Tables>;

function open(list: readonly Migration[] = migrations): Promise<Store<Tables>> {
  return openSqliteStore<Tables>({
    directory,
    migrations: list,
    now: () => 1,
    onDeath: (error) => {
      throw error;
    },
  });
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "postern-store-"));
  store = await open();
});

afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

function note(id: number, text = `note ${id}`): { id: number; text: string; seen: 0 } {
  return { id, text, seen: 0 };
}

async function texts(): Promise<string[]> {
  const rows = await store.reads.selectFrom("note").select("text").orderBy("id").execute();
  return rows.map((row) => row.text);
}

test("answers a change when it can be read", async () => {
  const answer = await store.durable(async (tx) => {
    await tx.insertInto("note").values(note(1)).execute();
    return "stored";
  });
  expect(answer).toBe("stored");
  expect(await texts()).toEqual(["note 1"]);
});

test("one failing work does not spoil those that share its transaction", async () => {
  const works = [1, 2, 3, 4].map((id) =>
    store.durable(async (tx) => {
      await tx.insertInto("note").values(note(id)).execute();
      if (id === 2) throw new Error("changed my mind");
      if (id === 3) await tx.insertInto("note").values(note(30, "note 1")).execute();
    }),
  );
  const results = await Promise.allSettled(works);
  expect(results.map((result) => result.status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
  expect(results[1]).toMatchObject({ reason: { message: "changed my mind" } });
  expect(isUniqueViolation((results[2] as PromiseRejectedResult).reason)).toBe(true);
  expect(await texts()).toEqual(["note 1", "note 4"]);
});

test("works given together share one transaction", async () => {
  let commits = 0;
  const lane: CommitLane<Tables, number> = {
    name: "count",
    append: async () => {
      commits += 1;
    },
  };
  await Promise.all([1, 2, 3].map((id) => store.durable(async (tx) => deferToCommit(tx, lane, id))));
  expect(commits).toBe(1);
});

test("lanes run last, in the order of their names, without what failed works left", async () => {
  const order: string[] = [];
  const lane = (name: string): CommitLane<Tables, string> => ({
    name,
    append: async (_tx, items) => {
      order.push(`${name}: ${items.join(", ")}`);
    },
  });
  const [a, b] = [lane("a"), lane("b")];
  await Promise.allSettled([
    store.durable(async (tx) => {
      deferToCommit(tx, b, "first");
      deferToCommit(tx, a, "first");
      order.push("work");
    }),
    store.durable(async (tx) => {
      deferToCommit(tx, a, "undone");
      throw new Error("no");
    }),
    store.durable(async (tx) => deferToCommit(tx, a, "third")),
  ]);
  expect(order).toEqual(["work", "a: first, third", "b: first"]);
});

test("a lane that fails undoes everything and answers nobody with success", async () => {
  const broken: CommitLane<Tables, string> = {
    name: "broken",
    append: async () => {
      throw new Error("no audit, no change");
    },
  };
  const results = await Promise.allSettled([
    store.durable(async (tx) => {
      await tx.insertInto("note").values(note(1)).execute();
      deferToCommit(tx, broken, "entry");
    }),
    store.durable((tx) => tx.insertInto("note").values(note(2)).execute()),
  ]);
  expect(results.map((result) => result.status)).toEqual(["rejected", "rejected"]);
  expect(await texts()).toEqual([]);
});

test("nothing can be left for a lane outside durable()", async () => {
  const lane: CommitLane<Tables, string> = { name: "lane", append: async () => {} };
  await expect(store.reads.transaction().execute(async (tx) => deferToCommit(tx, lane, "lost"))).rejects.toThrow(
    "durable()",
  );
});

test("a work that swallows a query's error fails", async () => {
  const work = store.durable(async (tx) => {
    await tx.insertInto("note").values(note(1)).execute();
    await tx
      .insertInto("note")
      .values(note(1))
      .execute()
      .catch(() => {});
  });
  await expect(work).rejects.toThrow("went on");
  expect(await texts()).toEqual([]);
});

test("a query that nobody awaited does not land in the next work", async () => {
  let stray: Promise<unknown> = Promise.resolve();
  await store.durable(async (tx) => {
    stray = new Promise((resolve) => setTimeout(resolve, 5)).then(() =>
      tx.insertInto("note").values(note(9)).execute(),
    );
  });
  const next = store.durable(async (tx) => {
    await tx.insertInto("note").values(note(1)).execute();
    await stray.catch(() => {});
  });
  await expect(stray).rejects.toThrow("await every query");
  await next;
  expect(await texts()).toEqual(["note 1"]);
});

test("durable() inside a work is refused instead of waiting for itself", async () => {
  await expect(store.durable(() => store.durable(async () => {}))).rejects.toThrow("inside a work");
});

test("reads refuse to write", async () => {
  await expect(store.reads.insertInto("note").values(note(1)).execute()).rejects.toThrow(DatabaseError);
});

test("tables are strict, and flags are 0 or 1", async () => {
  const wrongType = store.durable((tx) => sql`insert into note values ('x', 'text', 0)`.execute(tx));
  await expect(wrongType).rejects.toThrow("datatype mismatch");
  const wrongFlag = store.durable((tx) => sql`insert into note values (1, 'text', 2)`.execute(tx));
  await expect(wrongFlag).rejects.toMatchObject({ kind: "check" });
});

test("a second opener is told who has the directory and what to do", async () => {
  await expect(open()).rejects.toThrow(/in use by another Postern process.*--data/);
});

test("a file that is no database is named, with what to do", async () => {
  await store.close();
  writeFileSync(join(directory, "postern.db"), "this is a text file, and a long one ".repeat(100));
  await expect(open()).rejects.toThrow(/postern.db cannot be opened .* backup/);
  for (const name of readdirSync(directory)) rmSync(join(directory, name));
  store = await open();
});

test("closing stores what was already given, and refuses what comes later", async () => {
  const given = store.durable((tx) => tx.insertInto("note").values(note(1)).execute());
  await store.close();
  await given;
  await expect(store.durable(async () => {})).rejects.toThrow("shutting down");
  store = await open();
  expect(await texts()).toEqual(["note 1"]);
});

test("a migration that fails leaves nothing of itself and keeps the earlier ones", async () => {
  await store.close();
  const broken: Migration = { name: "note-2", statements: ["create table extra (id int8 primary key)", "nonsense"] };
  await expect(open([...migrations, broken])).rejects.toThrow("nonsense");
  store = await open();
  const tables = await sql<{ name: string }>`select name from sqlite_schema where type = 'table' order by name`.execute(
    store.reads,
  );
  expect(tables.rows.map((row) => row.name)).toEqual(["migration", "note"]);
});

test("refuses a database that a newer or another build made", async () => {
  await store.close();
  await expect(open([])).rejects.toThrow("newer than this program");
  await expect(open([{ name: "note-1", statements: ["create table note (id int8)"] }])).rejects.toThrow(
    "another build",
  );
  store = await open();
});
