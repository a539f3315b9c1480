import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createCheckpoints } from "./checkpoints.ts";
import { type AuditKeeper, startAuditKeeper } from "./keeper.ts";
import { endLease, takeLease } from "./lease.ts";
import { type AuditScene, auditEvent, only, openAuditScene } from "./scene.fixture.ts";

let scene: AuditScene;
let warnings: string[];

beforeEach(async () => {
  scene = await openAuditScene();
  warnings = [];
});

afterEach(() => scene.close());

/** A node whose rounds the test calls; its timer is far away. */
function startNode(nodeId: string, retentionDays: number | null = null): AuditKeeper {
  const { store, audit, clock, keys, signer } = scene;
  return startAuditKeeper({
    store,
    audit,
    clock,
    keys,
    checkpoints: createCheckpoints({ store, clock, clusterId: keys.clusterId, signers: only(signer) }),
    nodeId,
    retentionDays,
    everyMs: 60_000,
    warn: (error, message) => warnings.push(`${message}: ${error instanceof Error ? error.message : error}`),
  });
}

async function checkpoints(): Promise<number> {
  return (await scene.store.reads.selectFrom("audit_checkpoint").select("n").execute()).length;
}

test("a lease is one node's until it ends or is given back", async () => {
  const { durable } = scene.store;
  const take = (holder: string, now: number) => takeLease(durable, { name: "work", holder, now, forMs: 100 });
  expect(await take("a", 0)).toBe(true);
  expect(await take("b", 99)).toBe(false);
  expect(await take("a", 99)).toBe(true);
  expect(await take("b", 198)).toBe(false);
  expect(await take("b", 199)).toBe(true);
  await endLease(durable, "work", "a"); // not his any more
  expect(await take("a", 200)).toBe(false);
  await endLease(durable, "work", "b");
  expect(await take("a", 200)).toBe(true);
});

test("of several nodes one signs, another goes on when it has ended, and nothing new is signed twice", async () => {
  await scene.recordAll([auditEvent("a")]);
  const [first, second] = [startNode("first"), startNode("second")];
  await Promise.all([first.round(), second.round()]);
  expect(await checkpoints()).toBe(1);
  await Promise.all([first.round(), second.round()]);
  expect(await checkpoints()).toBe(1);

  await scene.recordAll([auditEvent("b")]);
  await second.round();
  expect(await checkpoints()).toBe(1);
  await first.stop(); // signs what is there, and gives the lease back
  expect(await checkpoints()).toBe(2);
  await scene.recordAll([auditEvent("c")]);
  await second.round();
  expect(await checkpoints()).toBe(3);
  await second.stop();
  expect(warnings).toEqual([]);
});

test("a node that died is followed when its lease has ended", async () => {
  const dead = startNode("dead");
  await dead.round();
  const other = startNode("other");
  await scene.recordAll([auditEvent("a")]);
  await other.round();
  expect(await checkpoints()).toBe(0);
  scene.clock.at += 120_000;
  await other.round();
  expect(await checkpoints()).toBe(1);
  await Promise.all([dead.stop(), other.stop()]);
});

test("old entries go only when retention is switched on; a broken chain stays, and that is told", async () => {
  const days = (count: number) => count * 86_400_000;
  await scene.recordAll([auditEvent("a"), auditEvent("b")]);
  const keeping = startNode("keeping");
  await keeping.round();
  scene.clock.at += days(31);
  await keeping.round();
  await keeping.stop();
  const stored = () =>
    scene.store.reads.withoutPlugins().selectFrom("audit_entry").select("action").orderBy("seq").execute();
  expect(await stored()).toEqual([{ action: "a" }, { action: "b" }]);

  const pruning = startNode("pruning", 30);
  await pruning.round();
  expect(await stored()).toEqual([{ action: "audit.prune" }]);
  await scene.tamper((db) => sql`update audit_entry set who_id = 'x'`.execute(db));
  scene.clock.at += days(31);
  await pruning.round();
  scene.clock.at += days(31);
  await pruning.round();
  expect((await stored()).length).toBe(1);
  expect(warnings).toContain("the audit log does not verify, so nothing of it is pruned: chains: cluster");
  await pruning.stop();
});

test("what fails is told, and the next round tries again", async () => {
  await scene.recordAll([auditEvent("a")]);
  const node = startNode("node");
  await node.round();
  await scene.tamper((db) => sql`update audit_newest_checkpoint set digest = 'x'`.execute(db));
  await node.round();
  expect(warnings).toEqual([
    expect.stringContaining("keeping the audit log failed: The audit log's checkpoints were cut"),
  ]);
  await node.stop();
});
