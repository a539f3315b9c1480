import fc from "fast-check";
import {
  type Compilable,
  DummyDriver,
  type ExpressionBuilder,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from "kysely";
import { describe, expect, test } from "vitest";
import { onPage } from "./keyset.ts";
import { containsText } from "./search-text.ts";
import { acrossTenants, TenantNotNamed, tenantGuard, withinReach } from "./tenant-guard.ts";

interface Tables {
  tenant: { id: string; name: string };
  agent: { id: string; tenant_id: string; profile_id: string; name: string };
  profile: { id: string; tenant_id: string; name: string };
  label: { agent_id: string; tenant_id: string; label: string };
  audit: { chain: string; seq: number };
  presence: { agent_id: string; seen_at: number };
}

const columns = { tenant: "id", agent: "tenant_id", profile: "tenant_id", label: "tenant_id", audit: "chain" };

const parts = {
  sqlite: {
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
  postgres: {
    createAdapter: () => new PostgresAdapter(),
    createIntrospector: (db: Kysely<unknown>) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
};
const db = new Kysely<Tables>({
  dialect: { ...parts.postgres, createDriver: () => new DummyDriver() },
  plugins: [tenantGuard(columns)],
});

const agents = db.selectFrom("agent").select("agent.id");
const t = "tenant-1";
const row = { id: "a", tenant_id: t, profile_id: "p", name: "n" };

const good: Record<string, Compilable> = {
  "a condition": agents.where("tenant_id", "=", t).where("id", "=", "x"),
  "a condition with the value first": agents.where(({ eb, val, ref }) => eb(val(t), "=", ref("tenant_id"))),
  "a list of tenants": agents.where("agent.tenant_id", "in", [t]),
  "a list of no tenant": agents.where("agent.tenant_id", "in", []),
  "no tenant": agents.where("tenant_id", "is", null),
  "an alias": db.selectFrom("agent as a").select("a.id").where("a.tenant_id", "=", t),
  "conditions together": agents.where((eb) => eb.and([eb("id", ">", "x"), eb("tenant_id", "=", t)])),
  "conditions as an object": agents.where((eb) => eb.and({ tenant_id: t, id: "x" })),
  "both of two possibilities": agents.where((eb) =>
    eb.or([eb("tenant_id", "=", t), eb.and([eb("tenant_id", "=", "u"), eb("name", "=", "x")])]),
  ),
  "a join by the tenant": agents
    .innerJoin("profile", (join) =>
      join.onRef("profile.id", "=", "agent.profile_id").onRef("profile.tenant_id", "=", "agent.tenant_id"),
    )
    .where("agent.tenant_id", "=", t),
  "a join the other way round": agents
    .innerJoin("profile", "profile.tenant_id", "agent.tenant_id")
    .where("profile.tenant_id", "=", t),
  "a join that names the tenant itself": agents.innerJoin("profile", (join) =>
    join.on("profile.tenant_id", "=", t).on("agent.tenant_id", "=", t),
  ),
  "a chain of joins": db
    .selectFrom("label")
    .innerJoin("agent", "agent.tenant_id", "label.tenant_id")
    .innerJoin("profile", "profile.tenant_id", "agent.tenant_id")
    .select("profile.id")
    .where("label.tenant_id", "=", t),
  "the tenant's own row": db.selectFrom("tenant").selectAll().where("id", "=", t),
  "a join with the tenant's own row": agents
    .innerJoin("tenant", "tenant.id", "agent.tenant_id")
    .where("tenant.id", "=", t),
  "a left join by the tenant": agents
    .leftJoin("profile", (join) => join.onRef("profile.tenant_id", "=", "agent.tenant_id"))
    .where("agent.tenant_id", "=", t),
  "a table that is nobody's": db.selectFrom("presence").selectAll(),
  "a table that is nobody's, joined": agents
    .innerJoin("presence", "presence.agent_id", "agent.id")
    .where("agent.tenant_id", "=", t),
  "another column": db.selectFrom("audit").selectAll().where("chain", "=", "cluster"),
  "an inner query": agents
    .where("tenant_id", "=", t)
    .where("id", "in", (eb) => eb.selectFrom("label").select("agent_id").where("label.tenant_id", "=", t)),
  "an inner query bound to the outer": agents
    .where("tenant_id", "=", t)
    .where((eb) =>
      eb.exists(eb.selectFrom("label").select("label.label").whereRef("label.tenant_id", "=", "agent.tenant_id")),
    ),
  "a query in from": db
    .selectFrom(agents.where("tenant_id", "=", t).as("some"))
    .selectAll()
    .where("some.id", "=", "x"),
  "a with": db
    .with("some", () => agents.where("tenant_id", "=", t))
    .selectFrom("some")
    .selectAll(),
  "a with of the name of a table": db
    .with("profile", (q) => q.selectFrom("presence").select("agent_id as id"))
    .selectFrom("profile")
    .selectAll(),
  "a union": agents.where("tenant_id", "=", t).union(agents.where("tenant_id", "=", "u")),
  "an update": db.updateTable("agent").set({ name: "x" }).where("tenant_id", "=", t),
  "a delete": db.deleteFrom("agent").where("tenant_id", "=", t),
  "an insert": db.insertInto("agent").values(row),
  "an insert of rows": db.insertInto("agent").values([row, row]),
  "an insert with what the database computes": db
    .insertInto("agent")
    .values((eb) => ({ ...row, name: eb.selectFrom("presence").select("agent_id") })),
  "an insert from a query": db
    .insertInto("label")
    .columns(["agent_id", "tenant_id", "label"])
    .expression((eb) => eb.selectFrom("agent").select(["id", "tenant_id", "name"]).where("agent.tenant_id", "=", t)),
  "an insert that leaves what is there": db
    .insertInto("agent")
    .values(row)
    .onConflict((conflict) => conflict.column("id").doNothing()),
  "an insert that changes what is there, by the tenant": db
    .insertInto("agent")
    .values(row)
    .onConflict((conflict) => conflict.columns(["tenant_id", "id"]).doUpdateSet({ name: "x" })),
  "an insert that changes what is there, if it is the tenant's": db
    .insertInto("agent")
    .values(row)
    .onConflict((conflict) =>
      conflict.column("id").doUpdateSet({ name: "x" }).whereRef("agent.tenant_id", "=", "excluded.tenant_id"),
    ),
  "a page": onPage(
    agents.where("tenant_id", "=", t),
    { key: "agent.name", id: "agent.id" },
    { limit: 1, direction: "asc", after: { key: "x", id: "y" } },
  ),
  "a search": agents.where("tenant_id", "=", t).where(containsText("agent.name", "from or select")),
  "a count": db
    .selectFrom("agent")
    .select((eb) => eb.fn.countAll().as("count"))
    .where("tenant_id", "=", t)
    .groupBy("name")
    .having((eb) => eb.fn.countAll(), ">", 1),
  "a reach of some tenants": withinReach(agents, "agent.tenant_id", new Set([t])),
  "a reach of every tenant": withinReach(agents, "agent.tenant_id", "everywhere"),
  "across tenants, as it says": acrossTenants(agents, "a test"),
  "an inner query bound to an outer one across tenants": acrossTenants(agents, "a test").where((eb) =>
    eb.exists(eb.selectFrom("label").select("label.label").whereRef("label.tenant_id", "=", "agent.tenant_id")),
  ),
  "an update across tenants": acrossTenants(db.updateTable("agent").set({ name: "x" }), "a test"),
  "a delete across tenants": acrossTenants(db.deleteFrom("agent"), "a test"),
  "an insert across tenants": acrossTenants(
    db
      .insertInto("label")
      .columns(["agent_id", "tenant_id", "label"])
      .expression((eb) => acrossTenants(eb.selectFrom("agent").select(["id", "tenant_id", "name"]), "a test")),
    "a test",
  ),
};

const bad: Record<string, () => Compilable> = {
  "no condition": () => agents,
  "another condition": () => agents.where("id", "=", "x"),
  "another tenant's column of the same query": () =>
    agents.innerJoin("profile", "profile.id", "agent.profile_id").where("profile.tenant_id", "=", t),
  "one of two possibilities": () => agents.where((eb) => eb.or([eb("tenant_id", "=", t), eb("name", "=", "x")])),
  "the opposite": () => agents.where((eb) => eb.not(eb("tenant_id", "=", t))),
  "not that tenant": () => agents.where("tenant_id", "!=", t),
  "tenants from somewhere on": () => agents.where("tenant_id", ">=", t),
  "a column of the row itself": () => agents.whereRef("tenant_id", "=", "tenant_id"),
  "two that are only equal": () => agents.innerJoin("profile", "profile.tenant_id", "agent.tenant_id"),
  "a column that another query computes": () =>
    agents.where("tenant_id", "in", (eb) => eb.selectFrom("presence").select("agent_id")),
  "a tenant named in SQL": () => agents.where(sql<boolean>`tenant_id = ${t}`),
  "a value made in SQL": () => agents.where("tenant_id", "=", sql<string>`tenant_id`),
  "a condition undone in SQL": () => agents.where("tenant_id", "=", t).where(sql<boolean>`1 = 0 or 1 = 1`),
  "a union in SQL": () => agents.where("tenant_id", "=", t).modifyEnd(sql`union select id from agent`),
  "a comment in SQL": () => agents.modifyEnd(sql`/* across tenants: a forgery */`),
  "a left join's condition on its left side": () =>
    agents.leftJoin("presence", (join) => join.on("agent.tenant_id", "=", t)),
  "a left join's other side": () =>
    agents
      .leftJoin("profile", (join) => join.on("agent.tenant_id", "=", t).onRef("profile.id", "=", "agent.profile_id"))
      .where("agent.tenant_id", "=", t),
  "a right join": () =>
    agents
      .rightJoin("profile", (join) => join.onRef("profile.tenant_id", "=", "agent.tenant_id"))
      .where("agent.tenant_id", "=", t)
      .where("profile.id", "=", "x"),
  "a full join": () =>
    agents.fullJoin("profile", (join) => join.on("profile.tenant_id", "=", t).on("agent.tenant_id", "=", t)),
  "a second table in from": () =>
    db.selectFrom(["agent", "profile"]).select("agent.id").where("agent.tenant_id", "=", t),
  "a cross join": () => agents.crossJoin("profile").where("agent.tenant_id", "=", t),
  "an alias whose other half is named": () =>
    db.selectFrom("agent as a").innerJoin("agent as b", "a.id", "b.id").select("a.id").where("a.tenant_id", "=", t),
  "an inner query": () =>
    agents.where("tenant_id", "=", t).where("id", "in", (eb) => eb.selectFrom("label").select("agent_id")),
  "an inner query across tenants' outer one": () =>
    acrossTenants(agents, "a test").where("id", "in", (eb) => eb.selectFrom("label").select("agent_id")),
  "a selected inner query": () =>
    agents.where("tenant_id", "=", t).select((eb) => eb.selectFrom("profile").select("id").limit(1).as("other")),
  "an inner query in having": () =>
    db
      .selectFrom("agent")
      .select("name")
      .where("tenant_id", "=", t)
      .groupBy("name")
      .having("name", "in", (eb) => eb.selectFrom("profile").select("name")),
  "an inner query in order by": () =>
    agents.where("tenant_id", "=", t).orderBy((eb) => eb.selectFrom("profile").select("name").limit(1)),
  "a query in from": () => db.selectFrom(agents.as("some")).selectAll().where("some.id", "=", "x"),
  "a with": () =>
    db
      .with("some", () => agents)
      .selectFrom("some")
      .selectAll(),
  "a with that changes": () =>
    db
      .with("gone", (q) => q.deleteFrom("agent").returning("id"))
      .selectFrom("gone")
      .selectAll(),
  "a delete of the name of a with": () =>
    db.with("agent", (q) => q.selectFrom("presence").select("agent_id as id")).deleteFrom("agent"),
  "the second half of a union": () => agents.where("tenant_id", "=", t).unionAll(agents),
  "an update": () => db.updateTable("agent").set({ name: "x" }).where("id", "=", "a"),
  "an update of everything": () => db.updateTable("agent").set({ name: "x" }),
  "an update that moves": () => db.updateTable("agent").set({ tenant_id: "u" }).where("tenant_id", "=", t),
  "an update with what another tenant has": () =>
    db
      .updateTable("agent")
      .set((eb) => ({ name: eb.selectFrom("profile").select("name").limit(1) }))
      .where("tenant_id", "=", t),
  "an update from another table": () =>
    db
      .updateTable("agent")
      .from("profile")
      .set((eb) => ({ name: eb.ref("profile.name") }))
      .where("agent.tenant_id", "=", t)
      .whereRef("profile.id", "=", "agent.profile_id"),
  "a delete": () => db.deleteFrom("agent").where("id", "=", "a"),
  "a delete using another table": () =>
    db.deleteFrom("presence").using("agent").whereRef("agent.id", "=", "presence.agent_id"),
  "an insert without the tenant": () =>
    db.insertInto("agent").values({ id: "a", profile_id: "p", name: "n" } as typeof row),
  "an insert of rows, one without": () =>
    db.insertInto("agent").values([row, { id: "a", profile_id: "p", name: "n" } as typeof row]),
  "an insert of a tenant that the database computes": () =>
    db.insertInto("agent").values((eb) => ({ ...row, tenant_id: eb.selectFrom("presence").select("agent_id") })),
  "an insert of defaults": () => db.insertInto("agent").defaultValues(),
  "an insert from a query across": () =>
    db
      .insertInto("label")
      .columns(["agent_id", "tenant_id", "label"])
      .expression((eb) => eb.selectFrom("agent").select(["id", "tenant_id", "name"])),
  "an insert from a query whose column is another": () =>
    db
      .insertInto("label")
      .columns(["agent_id", "tenant_id", "label"])
      .expression((eb) => eb.selectFrom("agent").select(["id", "name", "name"]).where("tenant_id", "=", t)),
  "an insert that changes whatever is there": () =>
    db
      .insertInto("agent")
      .values(row)
      .onConflict((conflict) => conflict.column("id").doUpdateSet({ name: "x" })),
  "an insert that replaces": () => db.replaceInto("agent").values(row),
  "an insert with an inner query": () =>
    db.insertInto("agent").values((eb) => ({ ...row, name: eb.selectFrom("profile").select("name").limit(1) })),
  "a merge": () =>
    db.mergeInto("agent").using("profile", "profile.tenant_id", "agent.tenant_id").whenMatched().thenDelete(),
  "SQL on its own": () => sql`select * from agent where tenant_id = ${t}`.compile(db) as unknown as Compilable,
  "SQL on its own, quoted": () => sql`select * from "agent"`.compile(db) as unknown as Compilable,
  "SQL on its own, with a schema": () => sql`select * from public.agent`.compile(db) as unknown as Compilable,
  "SQL that is given the table": () => sql`select * from ${sql.table("agent")}`.compile(db) as unknown as Compilable,
  "SQL that is given the name": () => sql`select * from ${sql.id("agent")}`.compile(db) as unknown as Compilable,
  "SQL in SQL": () => sql`select ${sql`* from AGENT`}`.compile(db) as unknown as Compilable,
  "SQL in from": () => db.selectFrom(sql<{ id: string }>`agent`.as("some")).selectAll(),
  "an inner query in SQL": () => agents.where("tenant_id", "=", t).where(sql<boolean>`exists (${agents})`),
};

describe("lets through", () => {
  test.each(Object.keys(good))("%s", (name) => {
    expect(good[name]?.compile().sql).toMatch(/^(select|insert|update|delete|with)/);
  });
});

describe("refuses", () => {
  test.each(Object.keys(bad))("%s", (name) => {
    expect(() => bad[name]?.().compile()).toThrow(TenantNotNamed);
  });
});

test("says which table, and what to do", () => {
  expect(() => agents.compile()).toThrow(
    "This query reads agent without naming the tenant (agent.tenant_id). Name the tenant for every tenant's table",
  );
});

test("the reason stands in the statement", () => {
  expect(acrossTenants(agents, "key coverage, for who may see the keys").compile().sql).toMatch(
    / \/\* across tenants: key coverage, for who may see the keys \*\/$/,
  );
  expect(() => acrossTenants(agents, "*/ drop table agent")).toThrow("cannot end a comment");
});

test.each(["sqlite", "postgres"] as const)(
  "a query that is refused does not reach the database (%s)",
  async (engine) => {
    const sent: string[] = [];
    const driver = new DummyDriver();
    driver.acquireConnection = async () => ({
      executeQuery: async ({ sql: text }) => {
        sent.push(text);
        return { rows: [] };
      },
      async *streamQuery() {},
    });
    const engines = new Kysely<Tables>({
      dialect: { ...parts[engine], createDriver: () => driver },
      plugins: [tenantGuard(columns)],
    });
    await expect(engines.selectFrom("agent").selectAll().execute()).rejects.toThrow(TenantNotNamed);
    await expect(engines.deleteFrom("agent").execute()).rejects.toThrow(TenantNotNamed);
    await expect(sql`delete from agent`.execute(engines)).rejects.toThrow(TenantNotNamed);
    await expect(engines.transaction().execute((tx) => tx.deleteFrom("agent").execute())).rejects.toThrow(
      TenantNotNamed,
    );
    expect(sent).toEqual([]);
    await engines.selectFrom("agent").selectAll().where("tenant_id", "=", t).execute();
    expect(sent).toHaveLength(1);
  },
);

type Builder = ExpressionBuilder<Tables, "agent">;
type Tree =
  | { readonly kind: "tenant" | "other" | "raw" | "not" }
  | { readonly kind: "and" | "or"; readonly parts: readonly Tree[] };

const trees = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom("tenant", "other", "raw", "not").map((kind): Tree => ({ kind })),
    fc.record({
      kind: fc.constantFrom("and", "or"),
      parts: fc.array(tie("tree"), { minLength: 1, maxLength: 3 }),
    }),
  ),
})).tree;

/** Whether a row of another tenant could satisfy it: the guard must refuse each condition of which that is true. */
function letsOthersIn(tree: Tree): boolean {
  switch (tree.kind) {
    case "tenant":
      return false;
    case "and":
      return tree.parts.every(letsOthersIn);
    case "or":
      return tree.parts.some(letsOthersIn);
    default:
      return true;
  }
}

function toCondition(eb: Builder, tree: Tree): ReturnType<Builder["and"]> {
  switch (tree.kind) {
    case "tenant":
      return eb.and([eb("agent.tenant_id", "=", t)]);
    case "other":
      return eb.and([eb("agent.name", "=", "x")]);
    case "raw":
      return eb.and([sql<boolean>`length(${sql.ref("agent.name")}) > 3`]);
    case "not":
      return eb.and([eb.not(eb("agent.tenant_id", "=", t))]);
    default:
      return eb[tree.kind](tree.parts.map((part) => toCondition(eb, part)));
  }
}

test("whatever the condition: it is refused exactly when a row of another tenant could satisfy it", () => {
  fc.assert(
    fc.property(trees, (tree) => {
      const query = db
        .selectFrom("agent")
        .select("id")
        .where((eb) => toCondition(eb, tree));
      if (letsOthersIn(tree)) expect(() => query.compile()).toThrow(TenantNotNamed);
      else query.compile();
    }),
    { numRuns: 500 },
  );
});
