import { Kysely, sql } from "kysely";
import { expect, test } from "vitest";
import { sqliteDialect } from "./dialect.ts";

/** A database whose connection notes what it is sent, and fails at what it is told to. */
function noting(failsAt: (sqlText: string) => boolean = () => false) {
  const messages: string[][] = [];
  const connection = {
    run(statements: readonly { readonly sql: string }[]) {
      messages.push(statements.map((one) => one.sql));
      if (statements.some((one) => failsAt(one.sql))) throw new Error("failed");
      return statements.map(() => ({ rows: [], changes: 0 }));
    },
  };
  const db = new Kysely<Record<string, never>>({
    dialect: sqliteDialect({
      begin: "begin immediate",
      many: false,
      acquire: async () => connection,
      release: () => {},
      close: async () => {},
    }),
  });
  return { db, messages };
}

test("a transaction begins in one message with its first statement", async () => {
  const { db, messages } = noting();
  await db.transaction().execute(async (tx) => {
    await sql`one`.execute(tx);
    await sql`two`.execute(tx);
  });
  expect(messages).toEqual([["begin immediate", "one"], ["two"], ["commit"]]);
});

test("a transaction without a statement begins and ends", async () => {
  const { db, messages } = noting();
  await db.transaction().execute(async () => {});
  expect(messages).toEqual([["begin immediate", "commit"]]);
});

test("a transaction that ends in an error before its first statement is not sent at all", async () => {
  const { db, messages } = noting();
  const failing = db.transaction().execute(async () => {
    throw new Error("a reason of its own");
  });
  await expect(failing).rejects.toThrow("a reason of its own");
  expect(messages).toEqual([]);
});

test("a transaction whose first statement fails is undone", async () => {
  const { db, messages } = noting((text) => text === "one");
  await expect(db.transaction().execute((tx) => sql`one`.execute(tx))).rejects.toThrow("failed");
  expect(messages).toEqual([["begin immediate", "one"], ["rollback"]]);
});

test("where a transaction could not begin, no statement runs outside of it", async () => {
  let isBusy = true;
  const { db, messages } = noting((text) => isBusy && text === "begin immediate");
  const tx = await db.startTransaction().execute();
  await expect(sql`one`.execute(tx)).rejects.toThrow("failed");
  await expect(sql`two`.execute(tx)).rejects.toThrow("failed");
  isBusy = false;
  await tx.rollback().execute();
  await db.transaction().execute((next) => sql`three`.execute(next));
  expect(messages).toEqual([
    ["begin immediate", "one"],
    ["begin immediate", "two"],
    ["rollback"],
    ["begin immediate", "three"],
    ["commit"],
  ]);
});
