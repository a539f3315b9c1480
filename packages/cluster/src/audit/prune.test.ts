import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readCheckpointFile } from "./checkpoints.ts";
import { planPrune, prune, pruneLimits, removePruned } from "./prune.ts";
import { type AuditScene, auditEvent, openAuditScene, sceneStart } from "./scene.fixture.ts";
import { verifyChain } from "./verify.ts";
import { verifyCheckpoints } from "./verify-checkpoints.ts";

const dayMs = 86_400_000;
let scene: AuditScene;

/** Four days with three entries each in the cluster's chain and, on the first two, one in that of the tenant t1. */
beforeEach(async () => {
  scene = await openAuditScene();
  for (let day = 0; day < 4; day++) {
    scene.clock.at = sceneStart + day * dayMs;
    await scene.recordAll([
      ...["a", "b", "c"].map((name) => auditEvent(`${name}${day}`)),
      ...(day < 2 ? [auditEvent(`t${day}`, "t1")] : []),
    ]);
    scene.clock.at += 60_000;
    await scene.checkpoints.signHeads();
  }
});

afterEach(() => scene.close());

function options() {
  const { store, audit, clock, keys } = scene;
  return { store, audit, clock, keys };
}

async function verify(chain: string, kept: readonly { seq: number; hash: string }[] = []) {
  const { newest } = await verifyCheckpoints(scene.store.reads, scene.keys);
  return verifyChain(scene.store.reads, chain, { newestCheckpoint: newest, kept });
}

async function storedSeqs(chain: string): Promise<number[]> {
  const rows = await scene.store.reads
    .withoutPlugins()
    .selectFrom("audit_entry")
    .select("seq")
    .where("chain", "=", chain)
    .orderBy("seq")
    .execute();
  return rows.map(({ seq }) => seq);
}

/** The end of the second day: what was signed until then is old. */
const twoDays = sceneStart + dayMs + 120_000;

test("only what a checkpoint signed before the time is to go", async () => {
  const plans = await planPrune(scene.store.reads, twoDays);
  expect(plans).toMatchObject([
    { chain: "cluster", seq: 6, entries: 6, checkpoint: 2 },
    { chain: "t1", seq: 2, entries: 2, checkpoint: 2 },
  ]);
  expect(await planPrune(scene.store.reads, sceneStart + 59_999)).toEqual([]);
});

test("what is pruned is gone, it stands on record, and the rest verifies from there on", async () => {
  const { pruned, left } = await prune(options(), twoDays);
  expect([pruned.length, left]).toEqual([2, []]);
  expect(await verify("cluster")).toMatchObject({ firstSeq: 7, entries: 7, fault: null }); // before a row is removed
  expect(await removePruned(scene.store)).toBe(8);
  expect(await storedSeqs("cluster")).toEqual([7, 8, 9, 10, 11, 12, 13]);
  expect(await storedSeqs("t1")).toEqual([3]);
  expect(await verify("cluster")).toMatchObject({ firstSeq: 7, entries: 7, fault: null });
  expect(await verify("t1")).toMatchObject({ firstSeq: 3, entries: 1, fault: null });
  const record = await scene.store.reads
    .withoutPlugins()
    .selectFrom("audit_entry")
    .select(["who_id", "target_id", "body"])
    .where("action", "=", "audit.prune")
    .where("chain", "=", "t1")
    .executeTakeFirstOrThrow();
  expect(JSON.parse(record.body)).toMatchObject({
    who: { kind: "system" },
    why: "retention",
    details: { throughSeq: 2, entries: 2, checkpoint: 2 },
  });
});

test("a chain is pruned once a day, and can be pruned again and again", async () => {
  await prune(options(), twoDays);
  expect((await prune(options(), scene.clock.at)).pruned).toEqual([]);
  scene.clock.at += dayMs + 1;
  await scene.checkpoints.signHeads();
  expect((await prune(options(), scene.clock.at)).pruned).toMatchObject([
    { chain: "cluster", seq: 13 },
    { chain: "t1", seq: 3 },
  ]);
  await removePruned(scene.store);
  expect(await verify("cluster")).toMatchObject({ firstSeq: 14, entries: 1, fault: null });
});

test("a head kept from before the pruned start is still compared", async () => {
  const { reads } = scene.store;
  const first = await reads
    .selectFrom("audit_checkpoint")
    .select(["n", "jws"])
    .where("n", "=", 1)
    .executeTakeFirstOrThrow();
  const kept = (await readCheckpointFile(reads, first, (chain) => chain === "cluster")).heads;
  await prune(options(), twoDays);
  await removePruned(scene.store);
  expect(await verify("cluster", kept)).toMatchObject({ fault: null });
  const other = kept.map((head) => ({ ...head, hash: "d".repeat(64) }));
  expect((await verify("cluster", other)).fault).toMatchObject({ seq: 3, code: "not_as_kept" });
});

test.each([
  ["an entry was changed", "update audit_entry set who_id = 'x' where chain = 'cluster' and seq = 2", ["cluster"]],
  ["a checkpoint was removed", "delete from audit_checkpoint where n = 3", ["cluster", "t1"]],
])("nothing is pruned of a chain when %s", async (_, statement, left) => {
  await scene.tamper((db) => sql.raw(statement).execute(db));
  expect((await prune(options(), twoDays)).left).toEqual(left);
  await removePruned(scene.store);
  expect((await storedSeqs("cluster")).length).toBe(12);
});

test.each([
  ["without a record", []],
  [
    "with a start that is set behind it",
    ["insert into audit_pruned select chain, seq, hash, 1 from audit_entry where chain = 'cluster' and seq = 6"],
  ],
  [
    "with a start at a link that nobody signed",
    ["insert into audit_pruned select chain, seq, hash, 1 from audit_entry where chain = 'cluster' and seq = 5"],
  ],
])("a beginning that was cut off %s shows", async (_, statements) => {
  await scene.tamper(async (db) => {
    for (const statement of statements) await sql.raw(statement).execute(db);
    await sql`delete from audit_entry where chain = 'cluster' and seq <= 6`.execute(db);
  });
  const expected = statements.length === 0 ? "gap" : "unexplained_start";
  expect((await verify("cluster")).fault).toMatchObject({ code: expected });
});

test("a start that was moved on after pruning shows", async () => {
  await prune(options(), twoDays);
  await removePruned(scene.store);
  await scene.tamper(async (db) => {
    await sql`update audit_pruned set seq = 9, hash = (select hash from audit_entry where chain = 'cluster' and seq = 9) where chain = 'cluster'`.execute(
      db,
    );
    await sql`delete from audit_entry where chain = 'cluster' and seq <= 9`.execute(db);
  });
  expect((await verify("cluster")).fault).toMatchObject({ seq: 9, code: "unexplained_start" });
});

test("removing goes on where it stopped, in bounded rounds", async () => {
  const most = pruneLimits.entriesPerBatch * pruneLimits.batchesPerRound;
  expect(most).toBe(10_000);
  await prune(options(), twoDays);
  await scene.tamper((db) => sql`delete from audit_entry where chain = 'cluster' and seq <= 2`.execute(db)); // as if interrupted
  expect(await verify("cluster")).toMatchObject({ firstSeq: 7, fault: null });
  expect(await removePruned(scene.store)).toBe(6);
});
