import { type Kysely, sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeTestDatabase, type TestDatabase } from "../test-database.fixture.ts";
import { type CommitLane, deferToCommit } from "./commit-lane.ts";
import { DatabaseError, isUniqueViolation } from "./database-error.ts";
import { keepInsert, keepQuery } from "./kept-query.ts";
import { dbLimits } from "./limits.ts";
import type { Migration } from "./migration.ts";
import type { Store } from "./store.ts";

// The contract of a store. Runs on SQLite with the other unit tests, and on PostgreSQL with `npm run test:postgres`.

interface Tables {
  note: { id: number; text: string; seen: 0 | 1 };
}

const migrations: Migration[] = [
  {
    name: "note-1",
    statements: ["create table note (id int8 primary key, text text not null unique, seen flag not null)"],
  },
];

let database: TestDatabase;
let store: Store<Tables>;

function open(list: readonly Migration[] = migrations): Promise<Store<Tables>> {
  return database.open<Tables>(list);
}

beforeEach(async () => {
  database = await makeTestDatabase();
  store = await open();
});

afterEach(async () => {
  await store.close();
  await database.remove();
});

function note(id: number, text = `note ${id}`): { id: number; text: string; seen: 0 } {
  return { id, text, seen: 0 };
}

const selectNotes = keepQuery((db: Kysely<Tables>, { ids }: { readonly ids: readonly number[] }) =>
  db.selectFrom("note").selectAll().where("id", "in", ids).orderBy("id"),
);

const markSeen = keepQuery((db: Kysely<Tables>, { ids }: { readonly ids: readonly number[] }) =>
  db.updateTable("note").set({ seen: 1 }).where("id", "in", ids),
);

const insertNotes = keepInsert((db: Kysely<Tables>, rows: readonly Tables["note"][]) =>
  db.insertInto("note").values(rows),
);

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

test("a lane that refuses an item undoes the work that left it; the others are committed without it", async () => {
  const refusing: CommitLane<Tables, string> = {
    name: "refusing",
    append: async (_tx, items) => {
      if (items.includes("bad")) throw new Error("no audit, no change");
    },
  };
  const results = await Promise.allSettled([
    store.durable(async (tx) => {
      await tx.insertInto("note").values(note(1)).execute();
      deferToCommit(tx, refusing, "bad");
    }),
    store.durable((tx) => tx.insertInto("note").values(note(2)).execute()),
    store.leave((tx) => deferToCommit(tx, refusing, "good")),
    store.leave((tx) => deferToCommit(tx, refusing, "bad")),
  ]);
  expect(results.map((result) => result.status)).toEqual(["rejected", "fulfilled", "fulfilled", "rejected"]);
  expect(results[0]).toMatchObject({ reason: { message: "no audit, no change" } });
  expect(await texts()).toEqual([note(2).text]);
});

test("works that only leave something share one append, which is on disk when they are answered", async () => {
  const appended: number[][] = [];
  const lane: CommitLane<Tables, number> = {
    name: "lane",
    append: async (tx, ids) => {
      appended.push([...ids]);
      await tx
        .insertInto("note")
        .values(ids.map((id) => note(id)))
        .execute();
    },
  };
  await Promise.all([1, 2, 3].map((id) => store.leave((tx) => deferToCommit(tx, lane, id))));
  expect(appended).toEqual([[1, 2, 3]]);
  expect(await texts()).toEqual([1, 2, 3].map((id) => note(id).text));
});

test("a work that only leaves something cannot query, and leaves nothing when it throws", async () => {
  const seen: string[] = [];
  const lane: CommitLane<Tables, string> = { name: "lane", append: async (_tx, items) => void seen.push(...items) };
  const asking = store.leave((tx) => {
    deferToCommit(tx, lane, "half");
    void tx.selectFrom("note").selectAll().execute();
  });
  await expect(asking).rejects.toThrow("leave() queries nothing");
  await store.leave((tx) => deferToCommit(tx, lane, "whole"));
  expect(seen).toEqual(["whole"]);
});

test("lanes that ask side by side are each given their own answer, and all of them are stored", async () => {
  await store.durable((tx) =>
    tx
      .insertInto("note")
      .values([note(1), note(2)])
      .execute(),
  );
  const read: Record<string, string[]> = {};
  const copying = (name: string): CommitLane<Tables, number> => ({
    name,
    async append(tx, ids) {
      const found = await selectNotes(tx, { ids });
      read[name] = found.map((row) => row.text);
      const copies = found.map((row) => note(row.id + 10, `${name} of ${row.text}`));
      await Promise.all([insertNotes(tx, copies), markSeen(tx, { ids })]);
    },
  });
  const [a, b, none] = [copying("a"), copying("b"), copying("none")];
  await store.leave((tx) => {
    deferToCommit(tx, a, 1);
    deferToCommit(tx, b, 2);
    deferToCommit(tx, none, 3);
  });
  expect(read).toEqual({ a: ["note 1"], b: ["note 2"], none: [] });
  expect(await texts()).toEqual(["note 1", "note 2", "a of note 1", "b of note 2"]);
  expect((await selectNotes(store.reads, { ids: [1, 2] })).map((row) => row.seen)).toEqual([1, 1]);
});

test("what fails in one lane's statement undoes what all lanes sent with it, and is told as what it is", async () => {
  await store.durable((tx) => tx.insertInto("note").values(note(1)).execute());
  const writing = (name: string): CommitLane<Tables, number> => ({
    name,
    append: async (tx, ids) =>
      insertNotes(
        tx,
        ids.map((id) => note(id, `${name} ${id}`)),
      ),
  });
  const [before, twice, after] = [writing("a"), writing("b"), writing("c")];
  const failing = store.leave((tx) => {
    deferToCommit(tx, before, 2);
    deferToCommit(tx, twice, 1);
    deferToCommit(tx, after, 3);
  });
  await expect(failing).rejects.toSatisfy(isUniqueViolation);
  expect(await texts()).toEqual(["note 1"]);
  await store.leave((tx) => deferToCommit(tx, after, 3));
  expect(await texts()).toEqual(["note 1", "c 3"]);
});

test("a statement that failed is told rather than what a lane beside it took exception to", async () => {
  const refusing: CommitLane<Tables, number> = {
    name: "a",
    append: async () => {
      throw new Error("refused");
    },
  };
  const twice: CommitLane<Tables, number> = {
    name: "b",
    append: (tx, ids) =>
      insertNotes(
        tx,
        [...ids, ...ids].map((id) => note(id)),
      ),
  };
  const both = store.leave((tx) => {
    deferToCommit(tx, refusing, 1);
    deferToCommit(tx, twice, 1);
  });
  await expect(both).rejects.toSatisfy(isUniqueViolation);
});

test("no lane is still writing when the transaction of one that refused is undone", async () => {
  const refusing: CommitLane<Tables, string> = {
    name: "a",
    append: async () => {
      throw new Error("refused");
    },
  };
  let hasWritten = false;
  const slow: CommitLane<Tables, string> = {
    name: "b",
    async append(tx, items) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      await insertNotes(tx, [note(items.length)]);
      hasWritten = true;
    },
  };
  const refused = store.leave((tx) => {
    deferToCommit(tx, refusing, "x");
    deferToCommit(tx, slow, "x");
  });
  await expect(refused).rejects.toThrow("refused");
  expect(hasWritten).toBe(true);
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
    stray.catch(() => {}); // it may be refused before the test looks at it
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

test("types are strict, and flags are 0 or 1", async () => {
  const wrongType = store.durable((tx) => sql`insert into note values ('x', 'text', 0)`.execute(tx));
  await expect(wrongType).rejects.toThrow(DatabaseError);
  const wrongFlag = store.durable((tx) => sql`insert into note values (1, 'text', 2)`.execute(tx));
  await expect(wrongFlag).rejects.toMatchObject({ kind: "check" });
});

test("what each rule of the database refuses is told apart", async () => {
  await store.close();
  store = await open([
    ...migrations,
    {
      name: "owned-1",
      statements: ["create table owned (note_id int8 not null references note (id), size int8 check (size > 0))"],
    },
  ]);
  const kindOf = (statement: string) =>
    store.durable((tx) => sql.raw(statement).execute(tx)).catch((error: DatabaseError) => error.kind);
  await store.durable((tx) => tx.insertInto("note").values(note(1)).execute());
  expect(await kindOf("insert into note values (1, 'x', 0)")).toBe("unique");
  expect(await kindOf("insert into note values (2, 'note 1', 0)")).toBe("unique");
  expect(await kindOf("insert into owned values (2, 1)")).toBe("foreign_key");
  expect(await kindOf("insert into owned values (1, 0)")).toBe("check");
  expect(await kindOf("insert into owned values (null, 1)")).toBe("check");
  expect(await kindOf("insert into nowhere values (1)")).toBe("other");
});

test("values come back as they went in", async () => {
  await store.close();
  const values: Migration = { name: "v-1", statements: ["create table value (id int8 primary key, t text, b bytes)"] };
  const other = (await open([...migrations, values])) as unknown as Store<{
    value: { id: number; t: string | null; b: Uint8Array | null };
  }>;
  const rows = [
    { id: -1, t: null, b: null },
    { id: 0, t: "", b: new Uint8Array() },
    { id: Number.MAX_SAFE_INTEGER, t: "ä\n'\"\\ 😀", b: Uint8Array.of(0, 1, 127, 128, 255) },
  ];
  await other.durable((tx) => tx.insertInto("value").values(rows).execute());
  expect(await other.reads.selectFrom("value").selectAll().orderBy("id").execute()).toEqual(rows);
  const counted = await other.reads
    .selectFrom("value")
    .select((row) => row.fn.countAll<number>().as("n"))
    .execute();
  expect(counted).toEqual([{ n: 3 }]);
  store = other as unknown as Store<Tables>;
});

test("text sorts by its bytes, whatever the database's own order is", async () => {
  const names = ["b", "a", "B", "A", "ä", "_", "1", "-a", "😀", "Ａ"];
  await store.durable((tx) =>
    tx
      .insertInto("note")
      .values(names.map((name, id) => note(id, name)))
      .execute(),
  );
  const rows = await store.reads.selectFrom("note").select("text").orderBy("text").execute();
  const byBytes = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  expect(rows.map((row) => row.text)).toEqual(byBytes);
  const after = await store.reads.selectFrom("note").select("text").where("text", ">", "a").execute();
  expect(after.map((row) => row.text).sort()).toEqual(["b", "ä", "😀", "Ａ"].sort());
});

test("a list of nothing holds nobody", async () => {
  await store.durable((tx) => tx.insertInto("note").values(note(1)).execute());
  expect(await store.reads.selectFrom("note").select("id").where("id", "in", []).execute()).toEqual([]);
  expect(await store.reads.selectFrom("note").select("id").where("id", "not in", []).execute()).toEqual([{ id: 1 }]);
});

test("a read transaction sees one moment", async () => {
  const seen = await store.reads.transaction().execute(async (tx) => {
    const before = await tx.selectFrom("note").select("id").execute();
    await store.durable((writing) => writing.insertInto("note").values(note(1)).execute());
    return [before, await tx.selectFrom("note").select("id").execute()];
  });
  expect(seen).toEqual([[], []]);
  expect(await texts()).toEqual(["note 1"]);
});

test("the most rows that one statement may have are taken", async () => {
  const rows = Array.from({ length: dbLimits.maxRowsPerStatement }, (_, id) => note(id));
  await store.durable((tx) => tx.insertInto("note").values(rows).execute());
  expect(await texts()).toHaveLength(rows.length);
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
  expect(await database.tables()).toEqual(["migration", "note"]);
});

test("refuses a database that a newer or another build made", async () => {
  await store.close();
  await expect(open([])).rejects.toThrow("newer than this program");
  await expect(open([{ name: "note-1", statements: ["create table note (id int8)"] }])).rejects.toThrow(
    "another build",
  );
  store = await open();
});
