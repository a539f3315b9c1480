import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { migrations, type Store } from "../schema.ts";
import { makeTestDatabase, type TestDatabase } from "../test-database.fixture.ts";
import { createPresence, type Presence } from "./presence.ts";

let database: TestDatabase;
let store: Store;
let presence: Presence;

beforeEach(async () => {
  database = await makeTestDatabase("migrated");
  store = await database.open(migrations);
  await store.durable(async (work) => {
    const tx = work.withoutPlugins(); // SQL written by hand is not read for its tenant, and refused
    await sql`insert into tenant values ('t', 'T', 't', 0, 0, 1)`.execute(tx);
    await sql`insert into profile values ('p', 't', 'Default', 'default', 1, '{}', 0, 0, 0)`.execute(tx);
    for (const id of ["a", "b"]) {
      await sql`insert into agent
        (id, tenant_id, platform, host_name, host_name_search, facts, identity_key, identity_thumbprint, enrolled_at,
         profile_id, assigned_at, revision_lead, applied_rev, bundle_ver)
        values (${id}, 't', 'windows', 'h', 'h', '{}', 'x', ${id}, 0, 'p', 0, 0, 0, 0)`.execute(tx);
    }
  });
  presence = createPresence(store.durable);
});

afterEach(async () => {
  await store.close();
  await database.remove();
});

function record(agentId: string, boot: number, n: number): Promise<boolean> {
  return presence.record({ agentId, boot, n, seenAt: boot * 10 + n, dueAt: boot * 10 + n + 5 });
}

test("what arrives together is decided in the order of arrival, also of one agent", async () => {
  const results = await Promise.all([
    record("a", 1, 1),
    record("b", 1, 2),
    record("a", 1, 2),
    record("b", 1, 1),
    record("a", 1, 2),
    record("a", 2, 1),
  ]);
  expect(results).toEqual([true, true, true, false, false, true]);
  const rows = await store.reads.selectFrom("presence").selectAll().orderBy("agent_id").execute();
  expect(rows).toEqual([
    { agent_id: "a", boot: 2, n: 1, seen_at: 21, due_at: 26 },
    { agent_id: "b", boot: 1, n: 2, seen_at: 12, due_at: 17 },
  ]);
});

test("another instance on the same database, as after a restart, knows what was recorded", async () => {
  await record("a", 5, 5);
  presence = createPresence(store.durable);
  expect(await record("a", 5, 5)).toBe(false);
  expect(await record("a", 5, 6)).toBe(true);
});

test("a sighting that cannot be stored is told, and later ones go on", async () => {
  await expect(record("nobody", 1, 1)).rejects.toThrow();
  expect(await record("a", 1, 1)).toBe(true);
});
