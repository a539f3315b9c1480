import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { expect, test } from "vitest";
import { linkOf, toAuditBody } from "../audit/entry.ts";
import { createAudit } from "../audit/record.ts";
import { verifyChain } from "../audit/verify.ts";
import { createIds } from "../db/ids.ts";
import { systemOrigin } from "../http/origin.ts";
import { type Database, migrations } from "../schema.ts";
import { makeTestDatabase } from "../test-database.fixture.ts";
import { addMissingAuditKey } from "./audit-key.ts";
import { openKeyStore } from "./key-store.ts";

test("a cluster from before there were audit keys keeps its keys and its log, and gets one key more, once", async () => {
  const database = await makeTestDatabase();
  const before = migrations.slice(
    0,
    migrations.findIndex(({ name }) => name === "audit-2"),
  );
  expect(before.length).toBeGreaterThan(5);
  await (await database.open<Database>(before)).close();
  const target = { kind: "agent-token", id: "t" };
  const why = 'a trap: ,"target":{"kind":"agent","id":"x"}';
  const event = { tenantId: null, action: "a.b", outcome: "done", origin: systemOrigin, target, why } as const;
  const body = JSON.stringify(toAuditBody(event, "e1", 1, 1));
  const hash = linkOf("0".repeat(64), body);
  await database.query("insert into cluster values ('c1', 1)");
  await database.query("insert into signing_key values ('k1', 'token', 'active', '{}', 1, 1)");
  await database.query(
    `insert into audit_entry (chain, seq, id, at, action, outcome, who_id, target_id, body, hash)
      values ('cluster', 1, 'e1', 1, 'a.b', 'done', '', 't', '${body}', '${hash}')`,
  );
  await database.query(`insert into audit_chain (chain, seq, hash) values ('cluster', 1, '${hash}')`);

  const store = await database.open<Database>(migrations);
  const cost = { memoryKiB: 64, passes: 1, lanes: 1 };
  const directory = join(database.directory, "keys");
  const keyStore = await openKeyStore({ directory, passphrase: null, randomBytes, cost });
  const now = () => 5;
  const audit = createAudit({ now }, createIds(now, randomBytes));
  for (let start = 0; start < 2; start++) await addMissingAuditKey({ store, audit, keyStore, now: 5 });

  const keys = await store.reads.selectFrom("signing_key").select(["kid", "use", "state"]).orderBy("use").execute();
  expect(keys).toEqual([
    { kid: expect.any(String), use: "audit", state: "active" },
    { kid: "k1", use: "token", state: "active" },
  ]);
  expect((await keyStore.load(keys[0]?.kid ?? "", "audit")).kid).toBe(keys[0]?.kid);
  // The other nodes get it from the database, sealed.
  const copies = await store.reads.selectFrom("key_copy").select(["kid", "sealed"]).execute();
  expect(copies).toEqual([{ kid: keys[0]?.kid, sealed: await keyStore.sealedCopy(keys[0]?.kid ?? "") }]);
  const entries = await store.reads
    .withoutPlugins()
    .selectFrom("audit_entry")
    .select(["action", "target_kind"])
    .orderBy("seq")
    .execute();
  expect(entries).toEqual([
    { action: "a.b", target_kind: "agent-token" },
    { action: "key.create", target_kind: "key" },
  ]);
  expect(await verifyChain(store.reads, "cluster", { newestCheckpoint: 0 })).toMatchObject({ entries: 2, fault: null });
  await store.close();
  await database.remove();
});
