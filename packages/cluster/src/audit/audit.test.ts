import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { linkOf } from "./entry.ts";
import { type AuditScene, auditEvent as event, openAuditScene } from "./scene.fixture.ts";
import { verifyChain } from "./verify.ts";

let scene: AuditScene;

beforeEach(async () => {
  scene = await openAuditScene();
});

afterEach(() => scene.close());

function verify(chain: string) {
  return verifyChain(scene.store.reads, chain, { newestCheckpoint: 0 });
}

test("entries of works that share a transaction stand in one chain for each tenant", async () => {
  await scene.recordAll([event("a"), event("b", "t1"), event("c"), event("d", "t1"), event("e", "t2")]);
  const rows = await scene.store.reads
    .withoutPlugins()
    .selectFrom("audit_entry")
    .select(["chain", "seq", "action"])
    .orderBy("id")
    .execute();
  expect(rows.map((row) => `${row.chain} ${row.seq} ${row.action}`)).toEqual([
    "cluster 1 a",
    "t1 1 b",
    "cluster 2 c",
    "t1 2 d",
    "t2 1 e",
  ]);
  for (const chain of ["cluster", "t1", "t2"]) expect(await verify(chain)).toMatchObject({ fault: null });
});

test("an undone change leaves no entry, and the chain goes on without a gap", async () => {
  await scene.recordAll([event("a")]);
  const undone = scene.store.durable(async (tx) => {
    scene.audit.record(tx, event("b"));
    throw new Error("no");
  });
  await expect(undone).rejects.toThrow("no");
  await scene.recordAll([event("c")]);
  expect(await verify("cluster")).toMatchObject({ entries: 2, fault: null });
});

test("what is stored holds who, what, when, from where and why", async () => {
  const origin = { who: { kind: "user", id: "u1", name: "ann" } as const, address: "192.0.2.7", requestId: "r1" };
  await scene.recordAll([{ ...event("thing.do", "t1"), origin, why: "ticket 7", details: { size: 3 } }]);
  const row = await scene.store.reads.withoutPlugins().selectFrom("audit_entry").selectAll().executeTakeFirstOrThrow();
  expect(JSON.parse(row.body)).toEqual({
    id: "id-0000001",
    chain: "t1",
    seq: 1,
    at: "2023-11-14T22:13:20.000Z",
    action: "thing.do",
    outcome: "done",
    who: { kind: "user", id: "u1", name: "ann" },
    from: { address: "192.0.2.7", requestId: "r1" },
    target: { kind: "thing", id: "thing.do" },
    why: "ticket 7",
    details: { size: 3 },
  });
});

test.each([
  {
    name: "a changed body",
    change: sql`update audit_entry set body = replace(body, '"done"', '"nope"') where seq = 3`,
    fault: { seq: 3, code: "wrong_link" },
  },
  {
    name: "a changed column",
    change: sql`update audit_entry set who_id = 'somebody' where seq = 3`,
    fault: { seq: 3, code: "changed_columns" },
  },
  { name: "a removed entry", change: sql`delete from audit_entry where seq = 3`, fault: { seq: 3, code: "gap" } },
  { name: "a cut tail", change: sql`delete from audit_entry where seq = 5`, fault: { seq: 5, code: "cut_tail" } },
  { name: "a removed head", change: sql`delete from audit_chain`, fault: { seq: 1, code: "wrong_head" } },
  { name: "a removed beginning", change: sql`delete from audit_entry where seq = 1`, fault: { seq: 1, code: "gap" } },
  {
    name: "two entries that changed places",
    change: sql`update audit_entry set seq = case seq when 2 then -3 when 3 then -2 end where seq in (2, 3)`,
    andThen: sql`update audit_entry set seq = -seq where seq < 0`,
    fault: { seq: 2, code: "misplaced" },
  },
  {
    name: "a changed entry with its own link made to fit",
    change: sql`update audit_entry set body = replace(body, '"done"', '"nope"') where seq = 3`,
    relink: 3,
    fault: { seq: 4, code: "wrong_link" },
  },
])("$name shows", async ({ change, andThen, relink, fault }) => {
  await scene.recordAll(["a", "b", "c", "d", "e"].map((action) => event(action)));
  await scene.tamper((db) => change.execute(db));
  if (andThen !== undefined) await scene.tamper((db) => andThen.execute(db));
  if (relink !== undefined) {
    const rows = await scene.store.reads
      .withoutPlugins()
      .selectFrom("audit_entry")
      .selectAll()
      .where("seq", "in", [relink - 1, relink])
      .orderBy("seq")
      .execute();
    const hash = linkOf(rows[0]?.hash ?? "", rows[1]?.body ?? "");
    await scene.tamper((db) =>
      db.updateTable("audit_entry").set({ hash, outcome: "nope" }).where("seq", "=", relink).execute(),
    );
  }
  expect((await verify("cluster")).fault).toMatchObject(fault);
});

test("a chain that nobody wrote to is intact and empty", async () => {
  expect(await verify("t9")).toMatchObject({ entries: 0, fault: null });
});
