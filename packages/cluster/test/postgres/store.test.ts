import { type Kysely, sql } from "kysely";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Migration } from "../../src/db/migration.ts";
import { openConnections } from "../../src/db/postgres/connections.ts";
import { openPostgresStore } from "../../src/db/postgres/open.ts";
import type { Store } from "../../src/db/store.ts";
import { addressOf, makePostgresDatabase, queryPostgres } from "../../src/test-database.fixture.ts";

// What the store promises on PostgreSQL beyond the contract that both engines keep.

interface Tables {
  tally: { name: string; count: number };
}

const migrations: readonly Migration[] = [
  { name: "tally-1", statements: ["create table tally (name text primary key, count int8 not null)"] },
  { name: "tally-2", statements: ["insert into tally values ('all', 0)"] },
];

let database: Awaited<ReturnType<typeof makePostgresDatabase>>;
const stores: Store<Tables>[] = [];

async function open(): Promise<Store<Tables>> {
  const address = addressOf(database.url);
  const store = await openPostgresStore<Tables>({
    address,
    listenAddress: address,
    migrations,
    tenantColumns: {},
    now: () => 1,
  });
  stores.push(store);
  return store;
}

const ask = (statement: string) => queryPostgres(database.url, statement);

beforeEach(async () => {
  database = await makePostgresDatabase();
});

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  await database.drop();
});

/** Reads, and writes what follows from it: wrong as soon as somebody else writes between the two. */
async function countOn(tx: Kysely<Tables>): Promise<void> {
  const { count } = await tx.selectFrom("tally").select("count").where("name", "=", "all").executeTakeFirstOrThrow();
  await tx
    .updateTable("tally")
    .set({ count: count + 1 })
    .where("name", "=", "all")
    .execute();
}

async function total(): Promise<number> {
  const [row] = await ask("select count from tally where name = 'all'");
  return Number(row?.["count"]);
}

test("nodes that open a new database at once make its schema once", async () => {
  await Promise.all(Array.from({ length: 6 }, open));
  const applied = await ask("select name from migration order by name");
  expect(applied.map(({ name }) => name)).toEqual(["tally-1", "tally-2"]);
  expect(await total()).toBe(0);
});

test("what a work has read still holds when it writes, however many nodes write", async () => {
  const nodes = await Promise.all([open(), open(), open()]);
  const works = nodes.flatMap((store) => Array.from({ length: 40 }, () => store.durable(countOn)));
  await Promise.all(works);
  expect(await total()).toBe(120);
});

test("two rules that hold only together are kept when two nodes break one each", async () => {
  const [a, b] = [await open(), await open()];
  await ask("insert into tally values ('left', 1), ('right', 1)");
  // As with the last two administrators: each may go as long as the other stays.
  const leave = (store: Store<Tables>, name: string) =>
    store.durable(async (tx) => {
      const others = await tx.selectFrom("tally").select("name").where("name", "in", ["left", "right"]).execute();
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (others.length < 2) throw new Error("the last one");
      await tx.deleteFrom("tally").where("name", "=", name).execute();
    });
  const results = await Promise.allSettled([leave(a, "left"), leave(b, "right")]);
  expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
});

/** From now on, so many inserts into `tally` fail as they do when the transaction lost against another. */
async function makeConflicts(count: number, code: string): Promise<void> {
  await ask("create sequence attempts");
  await ask(`create function conflict() returns trigger language plpgsql as $$
    begin
      if nextval('attempts') <= ${count} then raise 'lost against another transaction' using errcode = '${code}'; end if;
      return new;
    end $$`);
  await ask("create trigger conflict before insert on tally for each row execute function conflict()");
}

test.each(["40001", "40P01"])(
  "after %s the whole transaction is run again, and each work answered once",
  async (code) => {
    const store = await open();
    await makeConflicts(2, code);
    let runs = 0;
    const answers = await Promise.allSettled([
      store.durable(countOn),
      store.durable(async (tx) => {
        runs += 1;
        await tx.insertInto("tally").values({ name: "x", count: runs }).execute();
        return runs;
      }),
      store.durable(async () => {
        throw new Error("no");
      }),
    ]);
    expect(answers).toMatchObject([
      { status: "fulfilled" },
      { status: "fulfilled", value: 3 },
      { reason: { message: "no" } },
    ]);
    expect(await total(), "nothing is left of the attempts that failed").toBe(1);
    expect(await ask("select count from tally where name = 'x'")).toEqual([{ count: 3 }]);
  },
);

test("who loses over and over is told so, and nothing of it is stored", async () => {
  const store = await open();
  await makeConflicts(1_000, "40001");
  const failing = store.durable((tx) => tx.insertInto("tally").values({ name: "x", count: 1 }).execute());
  await expect(failing).rejects.toMatchObject({ kind: "conflict" });
  expect(await total()).toBe(0);
  await store.durable(countOn);
  expect(await total()).toBe(1);
});

test("a broken connection fails what is under way, and nothing after it", async () => {
  const store = await open();
  const cutOff =
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
  const failing = store.durable(async (tx) => {
    await countOn(tx);
    await ask(cutOff);
    await countOn(tx);
  });
  await expect(failing).rejects.toMatchObject({ kind: "unavailable" });
  await store.durable(countOn);
  await ask(cutOff); // while nobody uses them
  await store.durable(countOn);
  expect(await store.reads.selectFrom("tally").select("count").execute()).toEqual([{ count: 2 }]);
});

test("a transaction that could not begin leaves its connection to nobody", async () => {
  const store = await open();
  await ask("alter table migration rename to hidden");
  await expect(store.durable(countOn)).rejects.toThrow('"migration" does not exist');
  await ask("alter table hidden rename to migration");
  await store.durable(countOn);
  expect(await total()).toBe(1);
});

test("a node that hangs inside a transaction is thrown out; nothing is set for the session", async () => {
  const store = await open();
  const show = async (db: Kysely<Tables>, name: string) =>
    (await sql<Record<string, string>>`select current_setting(${name}) as value`.execute(db)).rows[0]?.["value"];
  const names = ["statement_timeout", "idle_in_transaction_session_timeout"];
  const inside = await store.durable(async (tx) => [await show(tx, names[0] ?? ""), await show(tx, names[1] ?? "")]);
  expect(inside).toEqual(["20s", "15s"]);
  const outside = await ask(
    "select rolname, setconfig from pg_db_role_setting left join pg_roles on pg_roles.oid = setrole where setconfig is not null",
  );
  expect(outside).toEqual([]);
  expect(await show(store.reads, "statement_timeout")).toBe("0");
});

test("reading goes on while somebody writes", async () => {
  const store = await open();
  const [counted, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const writing = store.durable(async (tx) => {
    await countOn(tx);
    counted.resolve();
    await goOn.promise;
  });
  await counted.promise;
  expect(await store.reads.selectFrom("tally").select("count").execute()).toEqual([{ count: 0 }]);
  goOn.resolve();
  await writing;
  expect(await store.reads.selectFrom("tally").select("count").execute()).toEqual([{ count: 1 }]);
});

test("a number that would lose digits is an error, not another number", async () => {
  const store = await open();
  await ask("insert into tally values ('big', 9007199254740993)");
  await expect(store.reads.selectFrom("tally").select("count").where("name", "=", "big").execute()).rejects.toThrow(
    "without losing digits",
  );
});

test("a server that cannot be reached is named, with what to do and without the password", async () => {
  const address = { ...addressOf(database.url), port: 1, password: "s3cret" };
  const opening = openPostgresStore({ address, listenAddress: address, migrations, tenantColumns: {}, now: () => 1 });
  await expect(opening).rejects.toThrow(/database test_\w+ on 127.0.0.1:1 cannot be used .*Check DATABASE_URL/);
  await expect(opening).rejects.toThrow(expect.objectContaining({ message: expect.not.stringContaining("s3cret") }));
  const nowhere = { ...addressOf(database.url), database: "nowhere" };
  await expect(
    openPostgresStore({ address: nowhere, listenAddress: nowhere, migrations, tenantColumns: {}, now: () => 1 }),
  ).rejects.toThrow(/"nowhere" does not exist/);
});

test("where the node cannot listen, it does not start", async () => {
  const address = addressOf(database.url);
  const listenAddress = { ...address, port: 1 };
  const store = await openPostgresStore<Tables>({
    address,
    listenAddress,
    migrations,
    tenantColumns: {},
    now: () => 1,
  });
  stores.push(store);
  await expect(
    store.signals.listen(
      () => {},
      () => {},
    ),
  ).rejects.toThrow(/Listening on the .*127.0.0.1:1.*DATABASE_LISTEN_URL/);
});

test("a pooler may hand the sessions around: nothing is prepared, nothing kept in them", async () => {
  const store = await open();
  await store.durable(countOn);
  const client = new pg.Client(database.url);
  await client.connect();
  const prepared = await sql`select name from pg_prepared_statements`.execute(store.reads);
  expect(prepared.rows).toEqual([]);
  const held = await client.query("select mode from pg_locks where locktype = 'advisory'");
  expect(held.rows).toEqual([]);
  await client.end();
});

test("what was sent before a failure was known fails with it, and not with the server's word that all is off", async () => {
  const connection = await openConnections(addressOf(database.url), {
    max: 1,
    maxQueryMs: 10_000,
    pipeline: true,
  }).connect();
  await connection.query("begin", []);
  const [first, second] = await Promise.allSettled([
    connection.query("select 1 from tally_that_is_not_there", []),
    connection.query("select 1", []),
  ]);
  await connection.query("rollback", []);
  connection.release(true);
  expect(first).toMatchObject({ status: "rejected", reason: { message: expect.stringContaining("does not exist") } });
  expect(second).toEqual(first);
});
