import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type BinaryOperationNode,
  ColumnNode,
  DummyDriver,
  Kysely,
  type KyselyPlugin,
  OperationNodeTransformer,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  RawNode,
  ReferenceNode,
} from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listKeys, revokeKey, spendUse } from "./agents/activation-keys.ts";
import { countWindowsAgents, isProfileOfAgent } from "./agents/assignment.ts";
import { whereFiltered } from "./audit/filters.ts";
import { TenantNotNamed, tenantGuard } from "./db/tenant-guard.ts";
import { highestStored, listEvents } from "./events/journal.ts";
import { deleteIntent, intentsOf, isProfileOfIntent, listIntents } from "./profiles/intents.ts";
import { findProfile, listProfiles } from "./profiles/profiles.ts";
import { deleteVersions, findVersion } from "./profiles/versions.ts";
import { type Database, type Db, migrations, type Store, type Tx } from "./schema.ts";
import { clusterTables, tenantColumns } from "./tenant-columns.ts";
import { makeTestDatabase, type TestDatabase } from "./test-database.fixture.ts";
import { findAgentGroups } from "./tokens/coverage-query.ts";
import { endToken, findLiveAgentToken, listTokens, revokedTokensFor } from "./tokens/token-records.ts";

let database: TestDatabase;
let store: Store;
let columnsOf: ReadonlyMap<string, readonly string[]>;

beforeAll(async () => {
  database = await makeTestDatabase();
  store = await database.open(migrations);
  const tables = await store.reads.introspection.getTables();
  columnsOf = new Map(
    tables.filter(({ isView }) => !isView).map(({ name, columns }) => [name, columns.map((column) => column.name)]),
  );
});

afterAll(async () => {
  await store.close();
  await database.remove();
});

describe("the lists of tables", () => {
  test("have every table once: a new one is the tenants' or the cluster's, and somebody decides which", () => {
    const listed = [...Object.keys(tenantColumns), ...Object.keys(clusterTables)].sort();
    expect(listed).toEqual([...columnsOf.keys()].filter((name) => name !== "migration").sort());
  });

  test("name columns that there are", () => {
    for (const [table, column] of Object.entries(tenantColumns)) expect(columnsOf.get(table)).toContain(column);
  });

  test("take a table with a tenant_id for the tenants'", () => {
    for (const table of Object.keys(clusterTables)) expect(columnsOf.get(table)).not.toContain("tenant_id");
  });

  test("say why a table is the cluster's", () => {
    for (const reason of Object.values(clusterTables)) expect(reason).toMatch(/^\S.*\S$/);
  });
});

test("a query without its tenant is refused by the database that is open, also inside of a change", async () => {
  await expect(store.reads.selectFrom("agent").select("id").execute()).rejects.toThrow(TenantNotNamed);
  await expect(store.durable((tx) => tx.deleteFrom("profile").execute())).rejects.toThrow(TenantNotNamed);
  await expect(
    store.reads.transaction().execute((tx) => tx.selectFrom("agent_token").select("id").execute()),
  ).rejects.toThrow(TenantNotNamed);
});

/**
 * Every place that goes across tenants, with its reason, to be reviewed when it changes. Add a line only if no tenant can be
 * named there, and say how it is made sure that nobody sees what is not his.
 */
const byId = "found by its id; its tenant is compared with the reach of who asks";
const across: Readonly<Record<string, readonly string[]>> = {
  "agents/activation-keys.ts": [`${byId}, or its secret proved`],
  "agents/admission.ts": ["an identity key enrols once in the whole cluster"],
  "agents/agents-by-bundle.ts": [
    "the cluster's keys concern the agents of every tenant; for who may see the keys",
    "the cluster's keys concern the agents of every tenant; for who may see the keys",
    "the cluster's keys concern the agents of every tenant; for who may see the keys",
    "the cluster's keys concern the agents of every tenant; for who may see the keys",
  ],
  "agents/agents.ts": [`${byId}, or its signature verified`],
  "agents/restoration.ts": [
    "the cluster's own signature names the agent, whatever its tenant",
    "the cluster's own signature names the agent, whatever its tenant",
  ],
  "agents/tombstones.ts": [`${byId}, or its signature verified`, "an identity key is one agent's, whatever its tenant"],
  "agents/follow-up.ts": ["edits of any tenant may have been left on the way"],
  "agents/labels.ts": ["labels of agents that were found in their tenants, or within the reach of who asks"],
  "agents/usable-activation-keys.ts": ["a change of the roots concerns every tenant"],
  "agents/tell-agents.ts": ["the newest assignment of any agent, so that revisions rise past it"],
  "audit/verify.ts": ["which chains there are; each is then read on its own"],
  "db/tenant-guard.ts": ["the reach of who asks is every tenant"],
  "events/alarm-list.ts": [byId],
  "events/alarm-watch.ts": ["old alarms of all tenants are removed", "old alarms of all tenants are removed"],
  "events/alarms.ts": [
    "a subject is of one tenant, or of the cluster",
    "the cluster looks after the alarms of all tenants",
  ],
  "events/presence-flips.ts": ["told apart by tenant, each reader's stream is cut to his reach"],
  "events/standing-conditions.ts": Array.from(
    { length: 5 },
    () => "the cluster watches over the agents of all tenants",
  ),
  "identity/bindings.ts": ["what users may do in every tenant; others are shown the roles within their reach"],
  "identity/role-map.ts": ["the operator's role map names tenants by their names"],
  "metrics.ts": Array.from(
    { length: 2 },
    () => "the figures of the whole cluster are for those who may read all tenants",
  ),
  "profiles/intents.ts": [byId],
  "profiles/profiles.ts": [byId],
  "profiles/told.ts": Array.from(
    { length: 3 },
    () => "packages and addresses are the cluster's: what is told of them, all profiles tell",
  ),
  "tokens/coverage-query.ts": ["a token for the whole cluster reaches the agents of every tenant"],
  "tokens/enter-offline.ts": [
    "the sealed record of an offline token names its agent, whose tenant is what is asked for",
    "agents of any tenant may have told of this one token before it was entered",
  ],
  "tokens/redemptions.ts": [
    "a redemption is held against whatever was issued, also to others; only the verdict is kept",
    "by agents that the token was for, of every tenant when it was for the cluster; the asker may see the token",
    "by agents that the token was for, of every tenant when it was for the cluster; the asker may see the token",
  ],
  "tokens/target-agent.ts": [byId],
  "tokens/token-records.ts": [byId, "whether there are any, of tokens that the asker may see"],
};

/**
 * Files that may send what the plugin does not see: it is not there, or the statement was made already. Besides opening
 * and migrating a database, these are for backups, which have every tenant's rows.
 */
const pastThePlugin: readonly string[] = [
  "db/kept-query.ts", // keeps what the plugin has passed; its tests say so
  "db/postgres/dialect.ts",
  "db/postgres/open.ts",
  "db/postgres/whole.ts",
  "db/sqlite/dialect.ts",
  "db/sqlite/open.ts",
  "db/sqlite/whole.ts",
  "db/statement-batch.ts", // sends several of those that were kept
];

const sources = globSync("**/*.ts", { cwd: import.meta.dirname })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => !/\.(test|fixture)\.ts$/.test(file))
  .map((file) => ({ file, text: readFileSync(join(import.meta.dirname, file), "utf8") }));

test("the places that go across tenants are those that were reviewed, each with its reason", () => {
  const found = sources.map(({ file, text }) => {
    const uses = text.match(/(?<!function )\bacrossTenants\((?!query, "why"\))/g)?.length ?? 0;
    const reasons = across[file] ?? [];
    return { file, uses, reviewed: reasons.length, missing: reasons.filter((reason) => !text.includes(reason)) };
  });
  for (const { file, uses, reviewed, missing } of found) {
    expect.soft({ file, uses, missing }).toEqual({ file, uses: reviewed, missing: [] });
  }
  expect(found.map(({ file }) => file)).toEqual(expect.arrayContaining(Object.keys(across)));
});

test("nobody writes by hand what says that a query goes across tenants", () => {
  const found = sources.filter(({ text }) => text.includes("/* across tenants"));
  expect(found.map(({ file }) => file)).toEqual(["db/tenant-guard.ts"]);
});

test("nothing else goes past the plugin", () => {
  const found = sources.filter(({ text }) => /withoutPlugins\(|\bCompiledQuery\b|new Kysely\b/.test(text));
  expect(found.map(({ file }) => file).sort()).toEqual(pastThePlugin);
});

/** Takes every condition on a tenant's column out of the features' own queries: what a mistake would look like. */
class WithoutTenantConditions extends OperationNodeTransformer {
  protected override transformBinaryOperation(node: BinaryOperationNode): BinaryOperationNode {
    const { leftOperand: left } = node;
    const column = ReferenceNode.is(left) && ColumnNode.is(left.column) ? left.column.column.name : null;
    if (column !== "tenant_id" && column !== "chain") return super.transformBinaryOperation(node);
    return RawNode.createWithSql("1 = 1") as unknown as BinaryOperationNode;
  }
}

const mistake = new WithoutTenantConditions();

function dummy(isMistaken: boolean): Kysely<Database> {
  const withMistake: KyselyPlugin = {
    transformQuery: ({ node }) => mistake.transformNode(node),
    transformResult: async ({ result }) => result,
  };
  return new Kysely<Database>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
    plugins: [...(isMistaken ? [withMistake] : []), tenantGuard(tenantColumns)],
  });
}

const t = "tenant";
const here = new Set([t]);
const page = { limit: 1, direction: "asc", after: null, binding: "" } as const;

const features: Record<string, (db: Db) => Promise<unknown>> = {
  listKeys: (db) => listKeys(db, here, { ...page, field: "createdAt" }),
  spendUse: (db) => spendUse(db as Tx, { id: "k", tenant_id: t } as Parameters<typeof spendUse>[1], 0),
  revokeKey: (db) => revokeKey(db as Tx, t, "k", 0),
  isProfileOfAgent: (db) => isProfileOfAgent(db, t, "p"),
  countWindowsAgents: (db) => countWindowsAgents(db, t, "p"),
  highestStored: (db) => highestStored(db, { tenantId: t, agentId: "a", journalId: "j" }),
  listEvents: (db) => listEvents(db, here, {}, { ...page, field: "receivedAt" }),
  intentsOf: (db) => intentsOf(db, t),
  deleteIntent: (db) => deleteIntent(db as Tx, t, "i", 0, () => {}),
  listIntents: (db) => listIntents(db, here, { ...page, field: "position" }),
  isProfileOfIntent: (db) => isProfileOfIntent(db, t, "p"),
  findProfile: (db) => findProfile(db, t, "p"),
  listProfiles: (db) => listProfiles(db, here, { ...page, field: "name" }),
  findVersion: (db) => findVersion(db, t, "p", 1),
  deleteVersions: (db) => deleteVersions(db as Tx, t, "p"),
  findAgentGroups: (db) => findAgentGroups(db, { tenantId: t, agentId: null }),
  findLiveAgentToken: (db) => findLiveAgentToken(db, { id: "a", tenantId: t }, 0),
  listTokens: (db) => listTokens(db, here, {}, { ...page, field: "issuedAt" }, 0),
  endToken: (db) => endToken(db as Tx, { id: "x", tenant_id: t } as Parameters<typeof endToken>[1], "n", 0),
  revokedTokensFor: (db) => revokedTokensFor(db, { id: "a", tenantId: t }, 0),
  "the audit log": (db) => whereFiltered(db.selectFrom("audit_entry").selectAll(), here, {}).execute(),
  "the audit log of one tenant, for who sees all": (db) =>
    whereFiltered(db.selectFrom("audit_entry").selectAll(), here, { tenantId: t }).execute(),
};

describe("a feature's query that has lost its tenant is refused", () => {
  test.each(Object.keys(features))("%s", async (name) => {
    const asWritten: unknown = await features[name]?.(dummy(false)).catch((error: unknown) => error);
    expect(asWritten).not.toBeInstanceOf(TenantNotNamed);
    await expect(features[name]?.(dummy(true))).rejects.toThrow(TenantNotNamed);
  });
});
