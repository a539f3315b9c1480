import { DummyDriver, Kysely, type KyselyPlugin, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { makeTestDatabase, type TestDatabase } from "../test-database.fixture.ts";
import { keepInsert, keepQuery, type QueryValues } from "./kept-query.ts";
import { dbLimits } from "./limits.ts";
import type { Migration } from "./migration.ts";
import type { Store } from "./store.ts";
import { TenantNotNamed, tenantGuard } from "./tenant-guard.ts";

interface Tables {
  tenant: { id: string; name: string };
  profile: { id: string; tenant_id: string; name: string | null };
}

type Db = Kysely<Tables>;

const migrations: Migration[] = [
  {
    name: "kept-1",
    statements: [
      "create table tenant (id text primary key, name text not null)",
      "create table profile (id text primary key, tenant_id text not null, name text)",
    ],
  },
];

let database: TestDatabase;
let store: Store<Tables>;

beforeAll(async () => {
  database = await makeTestDatabase();
  store = await database.open<Tables>(migrations);
});

beforeEach(() => store.durable((tx) => tx.deleteFrom("profile").where("tenant_id", "in", ["t", "u"]).execute()));

afterAll(async () => {
  await store.close();
  await database.remove();
});

const insertProfiles = keepInsert((db: Db, rows: readonly Tables["profile"][]) =>
  db.insertInto("profile").values(rows),
);

const selectProfiles = keepQuery(
  (db: Db, { tenantId, ids }: { readonly tenantId: string; readonly ids: readonly string[] }) =>
    db
      .selectFrom("profile")
      .select(["id", "name"])
      .where("tenant_id", "=", tenantId)
      .where("id", "in", ids)
      .orderBy("id"),
);

function profiles(count: number, tenantId = "t"): Tables["profile"][] {
  return Array.from({ length: count }, (_, index) => ({
    id: `${tenantId}-${String(index).padStart(4, "0")}`,
    tenant_id: tenantId,
    name: index % 2 === 0 ? `profile ${index}` : null,
  }));
}

test("each run has its own values", async () => {
  await store.durable((tx) => insertProfiles(tx, [...profiles(3), ...profiles(2, "u")]));
  expect(await selectProfiles(store.reads, { tenantId: "t", ids: ["t-0001"] })).toEqual([{ id: "t-0001", name: null }]);
  expect(await selectProfiles(store.reads, { tenantId: "t", ids: ["t-0002"] })).toEqual([
    { id: "t-0002", name: "profile 2" },
  ]);
  expect(await selectProfiles(store.reads, { tenantId: "u", ids: ["t-0002"] })).toEqual([]);
});

test.each([0, 1, 2, 3, 5, 16, 100, 500])("a list of %i values finds what they name, each once", async (count) => {
  const rows = profiles(count);
  await store.durable((tx) => insertProfiles(tx, rows));
  const ids = rows.map(({ id }) => id);
  expect(await selectProfiles(store.reads, { tenantId: "t", ids })).toEqual(rows.map(({ id, name }) => ({ id, name })));
});

test("a list is not longer than one statement takes", async () => {
  const ids = Array.from({ length: dbLimits.maxRowsPerStatement + 1 }, (_, id) => String(id));
  await expect(selectProfiles(store.reads, { tenantId: "t", ids })).rejects.toThrow("too long");
});

test.each([1, 7, 16, 17, 63, 64, 65, 257, 1_000])(
  "%i rows are inserted, in their order and once each",
  async (count) => {
    const rows = profiles(count);
    await store.durable((tx) => insertProfiles(tx, rows));
    const stored = await store.reads
      .selectFrom("profile")
      .selectAll()
      .where("tenant_id", "=", "t")
      .orderBy("id")
      .execute();
    expect(stored).toEqual(rows);
  },
);

test("inserting nothing is no statement", async () => {
  await store.durable((tx) => insertProfiles(tx, []));
  expect(await store.reads.selectFrom("profile").select("id").where("tenant_id", "=", "t").execute()).toEqual([]);
});

test("rows with other columns than the first are refused, not cut", async () => {
  const rows = [{ id: "a", tenant_id: "t" } as Tables["profile"], { id: "b", tenant_id: "t", name: "b" }];
  await expect(store.durable((tx) => insertProfiles(tx, rows))).rejects.toThrow("different columns");
  await expect(store.durable((tx) => insertProfiles(tx, rows.toReversed()))).rejects.toThrow("different columns");
});

test("rows with other columns than the time before make a statement of their own", async () => {
  await store.durable((tx) => insertProfiles(tx, [{ id: "a", tenant_id: "t" } as Tables["profile"]]));
  await store.durable((tx) => insertProfiles(tx, [{ id: "b", tenant_id: "t", name: "b" }]));
  expect(await selectProfiles(store.reads, { tenantId: "t", ids: ["a", "b"] })).toEqual([
    { id: "a", name: null },
    { id: "b", name: "b" },
  ]);
});

test("a value that is missing is not sent as something else", async () => {
  const without = { tenantId: undefined as unknown as string, ids: ["t-0000"] };
  await expect(selectProfiles(store.reads, without)).rejects.toThrow("without one of its values");
});

test("a query cannot be made for the value that comes first", async () => {
  const byText = keepQuery((db: Db, { tenantId }: { readonly tenantId: string }) =>
    db.selectFrom("profile").select("id").where("tenant_id", "=", `${tenantId}`),
  );
  await expect(byText(store.reads, { tenantId: "t" })).rejects.toThrow("cannot depend on its values");
});

describe("the tenant guard", () => {
  const selectById = keepQuery((db: Db, { id }: { readonly id: string }) =>
    db.selectFrom("profile").selectAll().where("id", "=", id),
  );

  test("refuses a kept query that does not name the tenant, each time", async () => {
    await store.durable((tx) => insertProfiles(tx, profiles(1)));
    for (let run = 0; run < 3; run++) {
      await expect(selectById(store.reads, { id: "t-0000" })).rejects.toThrow(TenantNotNamed);
      await expect(store.durable((tx) => selectById(tx, { id: "t-0000" }))).rejects.toThrow(TenantNotNamed);
    }
  });

  test("refuses a kept insert that does not name the tenant, each time", async () => {
    const insert = keepInsert((db: Db, rows: readonly { readonly id: string }[]) =>
      db.insertInto("profile").values(rows as unknown as Tables["profile"][]),
    );
    for (const count of [1, 2, 1, 2]) {
      const rows = Array.from({ length: count }, (_, id) => ({ id: String(id) }));
      await expect(store.durable((tx) => insert(tx, rows))).rejects.toThrow(TenantNotNamed);
    }
  });

  test("refuses each shape of a query by itself: what one list has passed says nothing of another", async () => {
    const oneOrAll = keepQuery((db: Db, { tenantIds }: { readonly tenantIds: readonly string[] }) => {
      const all = db.selectFrom("profile").select("id");
      return tenantIds.length === 1 ? all.where("tenant_id", "in", tenantIds) : all;
    });
    expect(await oneOrAll(store.reads, { tenantIds: ["t"] })).toEqual([]);
    await expect(oneOrAll(store.reads, { tenantIds: ["t", "u"] })).rejects.toThrow(TenantNotNamed);
  });

  test("that has not passed a statement does not run it, though another has", async () => {
    const passed = guarded({ tenant: "id" });
    const strict = guarded({ tenant: "id", profile: "tenant_id" });
    expect(await selectById(passed, { id: "a" })).toEqual([]);
    await expect(selectById(strict, { id: "a" })).rejects.toThrow(TenantNotNamed);
  });

  test("that is not there has passed nothing: where it is, it looks for itself", async () => {
    const strict = guarded({ tenant: "id", profile: "tenant_id" });
    expect(await selectById(guarded(null), { id: "a" })).toEqual([]);
    expect(await selectById(strict.withoutPlugins(), { id: "a" })).toEqual([]);
    await expect(selectById(strict, { id: "a" })).rejects.toThrow(TenantNotNamed);
  });

  test("looks once at a statement, and not at each run", async () => {
    let looks = 0;
    const counting: KyselyPlugin = {
      transformQuery: ({ node }) => {
        looks += 1;
        return node;
      },
      transformResult: async ({ result }) => result,
    };
    const db = guarded({ tenant: "id" }).withPlugin(counting);
    for (let run = 0; run < 10; run++) await selectById(db, { id: String(run) });
    expect(looks).toBe(1);
  });
});

test("a kept query that nobody awaited does not run after its work", async () => {
  await store.durable((tx) => selectProfiles(tx, { tenantId: "t", ids: ["a"] }));
  let late: ((values: QueryValues) => Promise<unknown>) | undefined;
  await store.durable(async (tx) => {
    late = () => selectProfiles(tx, { tenantId: "t", ids: ["a"] });
  });
  await expect(late?.({})).rejects.toThrow("after its work had ended");
});

/** A database that has nothing in it, looked at by a guard of its own. */
function guarded(columns: Readonly<Record<string, string>> | null): Db {
  return new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
    plugins: columns === null ? [] : [tenantGuard(columns)],
  });
}
