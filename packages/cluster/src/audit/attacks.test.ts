import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ChainHead, digestOfCheckpoint, openCheckpoint, sealCheckpoint } from "./checkpoint.ts";
import { type Checkpoints, createCheckpoints, readCheckpointFile } from "./checkpoints.ts";
import { firstLink, linkOf } from "./entry.ts";
import { type AuditScene, auditEvent, only, openAuditScene } from "./scene.fixture.ts";
import { listChains, verifyChain } from "./verify.ts";
import { verifyCheckpoints } from "./verify-checkpoints.ts";

// Everything here is done to the real database by SQL, as somebody who can write it could.

let scene: AuditScene;

/** What attacks change. One database serves all tests; each finds it as it was. */
const tables = [
  "audit_entry",
  "audit_chain",
  "audit_checkpoint",
  "audit_checkpoint_head",
  "audit_newest_checkpoint",
] as const;
let restore: () => Promise<void>;
/** The node's memory of what it signed, too, is that of a node that has just looked. */
let checkpoints: Checkpoints;

/** The cluster's chain has six entries, that of the tenant t1 four; checkpoints stand behind some of them. */
beforeAll(async () => {
  scene = await openAuditScene();
  await record(3, 2);
  await scene.checkpoints.signHeads(); // 1: cluster 3, t1 2
  await record(2, 0);
  await scene.checkpoints.signHeads(); // 2: cluster 5
  await record(0, 2);
  await scene.checkpoints.signHeads(); // 3: t1 4
  await record(1, 0);
  const kept = await Promise.all(
    tables.map((table) => scene.store.reads.withoutPlugins().selectFrom(table).selectAll().execute()),
  );
  restore = () =>
    scene.tamper(async (db) => {
      for (const [index, table] of tables.entries()) {
        await db.deleteFrom(table).execute();
        await db
          .insertInto(table)
          .values(kept[index] ?? [])
          .execute();
      }
    });
});

beforeEach(async () => {
  const { store, clock, keys, signer } = scene;
  await restore();
  checkpoints = createCheckpoints({ store, clock, clusterId: keys.clusterId, signers: only(signer) });
});

afterAll(() => scene.close());

async function record(ofCluster: number, ofTenant: number): Promise<void> {
  scene.clock.at += 60_000;
  await scene.recordAll([
    ...Array.from({ length: ofCluster }, (_, index) => auditEvent(`c${index}`)),
    ...Array.from({ length: ofTenant }, (_, index) => auditEvent(`t${index}`, "t1")),
  ]);
}

async function verdicts(kept: readonly ChainHead[] = []) {
  const { reads } = scene.store;
  const checkpoints = await verifyCheckpoints(reads, scene.keys);
  const chains = [];
  for (const chain of await listChains(reads)) {
    const ofChain = kept.filter((head) => head.chain === chain);
    chains.push(await verifyChain(reads, chain, { kept: ofChain, newestCheckpoint: checkpoints.newest }));
  }
  return { checkpoints, chains };
}

/** Every fault, as `cluster 3 gap` or `checkpoint 2 gap`. */
async function faults(kept: readonly ChainHead[] = []): Promise<string[]> {
  const { checkpoints, chains } = await verdicts(kept);
  return [
    ...(checkpoints.fault === null ? [] : [`checkpoint ${checkpoints.fault.n} ${checkpoints.fault.code}`]),
    ...chains.flatMap(({ chain, fault }) => (fault === null ? [] : [`${chain} ${fault.seq} ${fault.code}`])),
  ];
}

async function keep(): Promise<readonly ChainHead[]> {
  const { reads } = scene.store;
  const newest = await reads
    .selectFrom("audit_checkpoint")
    .select(["n", "jws"])
    .orderBy("n", "desc")
    .executeTakeFirstOrThrow();
  return (await readCheckpointFile(reads, newest, () => true)).heads;
}

/** Makes all links and the head of a chain fit what its entries say now. */
async function recompute(chain: string): Promise<void> {
  const rows = await scene.store.reads
    .withoutPlugins()
    .selectFrom("audit_entry")
    .selectAll()
    .where("chain", "=", chain)
    .orderBy("seq")
    .execute();
  let hash = firstLink;
  await scene.tamper(async (db) => {
    for (const [index, row] of rows.entries()) {
      const seq = index + 1;
      const body = JSON.stringify({ ...JSON.parse(row.body), chain, seq });
      hash = linkOf(hash, body);
      await db
        .updateTable("audit_entry")
        .set({ seq, body, hash })
        .where("chain", "=", chain)
        .where("seq", "=", row.seq)
        .execute();
    }
    await db.updateTable("audit_chain").set({ seq: rows.length, hash }).where("chain", "=", chain).execute();
  });
}

function run(...statements: readonly string[]): Promise<void> {
  return scene.tamper(async (db) => {
    for (const statement of statements) await sql.raw(statement).execute(db);
  });
}

test("what nobody has touched is intact, and says how far it is signed", async () => {
  expect(await faults(await keep())).toEqual([]);
  const { checkpoints, chains } = await verdicts();
  expect(checkpoints).toEqual({ newest: 3, fault: null });
  expect(chains.map(({ chain, entries, signedSeq }) => [chain, entries, signedSeq])).toEqual([
    ["cluster", 6, 5],
    ["t1", 4, 4],
  ]);
});

const head = (seq: number) =>
  `update audit_chain set seq = ${seq}, hash = (select hash from audit_entry where chain = 'cluster' and seq = ${seq}) where chain = 'cluster'`;
const ofCluster = "where chain = 'cluster' and seq";

describe("an entry", () => {
  test.each([
    ["removed", [`delete from audit_entry ${ofCluster} = 2`], "cluster 2 gap"],
    [
      "changed in its bytes",
      [`update audit_entry set body = replace(body, '"done"', '"none"') ${ofCluster} = 2`],
      "cluster 2 wrong_link",
    ],
    ["changed in one blank", [`update audit_entry set body = body || ' ' ${ofCluster} = 2`], "cluster 2 wrong_link"],
    ["changed in its link", [`update audit_entry set hash = 'x' ${ofCluster} = 2`], "cluster 2 wrong_link"],
    ["that is no JSON any more", [`update audit_entry set body = 'gone' ${ofCluster} = 2`], "cluster 2 wrong_link"],
    [
      "added behind the head",
      [
        "insert into audit_entry (chain, seq, id, at, action, outcome, who_id, target_kind, target_id, body, hash) select chain, 7, 'x', at, action, outcome, who_id, target_kind, target_id, body, hash from audit_entry where chain = 'cluster' and seq = 6",
      ],
      "cluster 7 beyond_head",
    ],
    [
      "exchanged with another",
      [
        `update audit_entry set seq = -3 ${ofCluster} = 3`,
        `update audit_entry set seq = 3 ${ofCluster} = 2`,
        `update audit_entry set seq = 2 ${ofCluster} = -3`,
      ],
      "cluster 2 misplaced",
    ],
    [
      "moved to the end of another tenant's chain",
      [
        "update audit_entry set chain = 'cluster', seq = 7 where chain = 't1' and seq = 4",
        "update audit_chain set seq = 7 where chain = 'cluster'",
        "update audit_chain set seq = 3, hash = (select hash from audit_entry where chain = 't1' and seq = 3) where chain = 't1'",
      ],
      "cluster 7 foreign_entry",
      "t1 4 cut_tail",
    ],
  ] as const)("%s shows", async (_name, statements, ...expected) => {
    await run(...statements);
    expect(await faults()).toEqual(expected);
  });

  test.each(["id", "action", "outcome", "who_id", "target_kind", "target_id"])(
    "changed in its column %s shows",
    async (column) => {
      await run(`update audit_entry set ${column} = 'other' ${ofCluster} = 2`);
      expect(await faults()).toEqual(["cluster 2 changed_columns"]);
    },
  );

  test("changed in its time shows", async () => {
    await run(`update audit_entry set at = at + 1 ${ofCluster} = 2`);
    expect(await faults()).toEqual(["cluster 2 changed_columns"]);
  });
});

describe("a tail", () => {
  test("cut off shows by the head that is left", async () => {
    await run(`delete from audit_entry ${ofCluster} > 4`);
    expect(await faults()).toEqual(["cluster 5 cut_tail"]);
  });

  test("cut off with the head set back shows by the checkpoint that has signed more", async () => {
    await run(`delete from audit_entry ${ofCluster} > 4`, head(4));
    expect(await faults()).toEqual(["cluster 5 cut_tail"]);
  });

  test("cut off with the head set back is not signed as it stands then", async () => {
    await run(`delete from audit_entry ${ofCluster} > 4`, head(4));
    expect(await checkpoints.signHeads()).toBeNull();
    expect(await faults()).toEqual(["cluster 5 cut_tail"]);
  });

  test("cut off and grown again shows, also when it was signed again", async () => {
    await run(`delete from audit_entry ${ofCluster} > 4`, head(4));
    await record(4, 0);
    await checkpoints.signHeads();
    expect(await faults()).toEqual(["cluster 5 not_as_signed"]);
  });

  test("that no checkpoint has signed yet can be cut: nothing but its minute is lost", async () => {
    await run(`delete from audit_entry ${ofCluster} > 5`, head(5));
    expect(await faults()).toEqual([]);
  });
});

describe("a chain recomputed with a head that fits", () => {
  test("shows by the checkpoints", async () => {
    await run(`update audit_entry set body = replace(body, '"done"', '"none"'), outcome = 'none' ${ofCluster} = 2`);
    await recompute("cluster");
    expect(await faults()).toEqual(["cluster 3 not_as_signed"]);
  });

  test("shows although later checkpoints are made on top of it", async () => {
    await run(`update audit_entry set body = replace(body, '"done"', '"none"'), outcome = 'none' ${ofCluster} = 2`);
    await recompute("cluster");
    await record(1, 0);
    await checkpoints.signHeads();
    expect(await faults()).toEqual(["cluster 3 not_as_signed"]);
  });

  test("shows when an entry was taken out of it, and the rest moved up", async () => {
    await run(`delete from audit_entry ${ofCluster} = 2`);
    await recompute("cluster");
    expect(await faults()).toEqual(["cluster 3 not_as_signed"]);
  });

  test("shows when the stored heads were made to fit, too", async () => {
    await run(`update audit_entry set body = replace(body, '"done"', '"none"'), outcome = 'none' ${ofCluster} = 2`);
    await recompute("cluster");
    await run(
      "update audit_checkpoint_head set hash = (select hash from audit_entry e where e.chain = audit_checkpoint_head.chain and e.seq = audit_checkpoint_head.seq)",
    );
    expect(await faults()).toEqual(["checkpoint 1 wrong_heads"]);
  });

  test("with all checkpoints removed and made anew under the cluster's own key shows only against a kept one", async () => {
    const kept = await keep();
    await run(`update audit_entry set body = replace(body, '"done"', '"none"'), outcome = 'none' ${ofCluster} = 2`);
    await recompute("cluster");
    await run(
      "delete from audit_checkpoint",
      "delete from audit_checkpoint_head",
      `update audit_newest_checkpoint set n = 0, digest = '${firstLink}'`,
    );
    const { store, clock, keys, signer } = scene;
    await createCheckpoints({ store, clock, clusterId: keys.clusterId, signers: only(signer) }).signHeads();
    expect(await faults()).toEqual([]);
    expect(await faults(kept)).toEqual(["cluster 5 not_as_kept"]);
  });

  test("under another key shows", async () => {
    const other = await openAuditScene();
    const { store, clock, keys } = scene;
    await run(
      "delete from audit_checkpoint",
      "delete from audit_checkpoint_head",
      `update audit_newest_checkpoint set n = 0, digest = '${firstLink}'`,
    );
    await createCheckpoints({ store, clock, clusterId: keys.clusterId, signers: only(other.signer) }).signHeads();
    expect(await faults()).toEqual(["checkpoint 1 refused"]);
    await other.close();
  });
});

test("a whole chain removed, with its head, shows", async () => {
  await run("delete from audit_entry where chain = 't1'", "delete from audit_chain where chain = 't1'");
  expect(await faults()).toEqual(["t1 1 cut_tail"]);
  await record(1, 0);
  await checkpoints.signHeads();
  expect(await faults()).toEqual(["t1 1 cut_tail"]);
});

test("a kept checkpoint shows what was cut although everything inside fits", async () => {
  const kept = await keep();
  await run(
    `delete from audit_entry ${ofCluster} > 3`,
    head(3),
    "delete from audit_checkpoint where n > 1",
    "delete from audit_checkpoint_head where n > 1",
  );
  const first = await scene.store.reads.selectFrom("audit_checkpoint").select("jws").executeTakeFirstOrThrow();
  await run(`update audit_newest_checkpoint set n = 1, digest = '${digestOfCheckpoint(first.jws)}'`);
  expect(await faults()).toEqual([]);
  expect(await faults(kept)).toEqual(["cluster 4 cut_tail"]);
});

describe("a checkpoint", () => {
  const jws = (change: string) => `update audit_checkpoint set jws = ${change} where n = 2`;
  test.each([
    ["removed", ["delete from audit_checkpoint where n = 2"], "checkpoint 2 gap"],
    ["removed at the end", ["delete from audit_checkpoint where n = 3"], "checkpoint 3 cut_tail"],
    [
      "removed at the end, with the number set back",
      ["delete from audit_checkpoint where n = 3", "update audit_newest_checkpoint set n = 2"],
      "checkpoint 2 cut_tail",
    ],
    ["altered", [jws("replace(jws, '.', '.e')")], "checkpoint 2 refused"],
    ["emptied", [jws("''")], "checkpoint 2 refused"],
    [
      "exchanged for an earlier one",
      [jws("(select jws from audit_checkpoint where n = 1)")],
      "checkpoint 2 wrong_order",
    ],
    ["with another time", ["update audit_checkpoint set at = at + 1000 where n = 2"], "checkpoint 2 wrong_order"],
    ["of another key", ["update audit_checkpoint set kid = 'x' where n = 2"], "checkpoint 2 refused"],
    ["whose heads were removed", ["delete from audit_checkpoint_head where n = 2"], "checkpoint 2 wrong_heads"],
    [
      "whose heads were changed",
      ["update audit_checkpoint_head set hash = 'x' where n = 2"],
      "checkpoint 2 wrong_heads",
      "cluster 5 not_as_signed",
    ],
    [
      "that was given a head",
      ["insert into audit_checkpoint_head values ('t9', 1, 'x', 2)"],
      "checkpoint 2 wrong_heads",
      "t9 1 cut_tail",
    ],
    ["added", ["insert into audit_checkpoint values (4, 1, 'x', 'x')"], "checkpoint 4 beyond_newest"],
  ] as const)("%s shows", async (_name, statements, ...expected) => {
    await run(...statements);
    expect(await faults()).toEqual(expected);
  });

  test.each([
    ["number", { n: 3 }],
    ["predecessor", { prev: "e".repeat(64) }],
    ["time", { iat: 1 }],
  ])("signed again by the audit key with another %s shows", async (_name, change) => {
    const stored = await scene.store.reads
      .selectFrom("audit_checkpoint")
      .select("jws")
      .where("n", "=", 2)
      .executeTakeFirstOrThrow();
    const claims = openCheckpoint(stored.jws, (kid) => scene.keys.auditKeys.get(kid));
    const again = await sealCheckpoint({ ...claims, ...change }, scene.signer);
    await run(jws(`'${again}'`));
    expect(await faults()).toEqual(["checkpoint 2 wrong_order"]);
  });

  test("of another cluster shows", async () => {
    const found = await verifyCheckpoints(scene.store.reads, { ...scene.keys, clusterId: "another" });
    expect(found.fault).toMatchObject({ n: 1, code: "wrong_order" });
  });

  test("cut while the node runs is not signed over", async () => {
    await record(1, 0);
    await checkpoints.signHeads(); // 4
    await run(
      "delete from audit_checkpoint where n = 4",
      "delete from audit_checkpoint_head where n = 4",
      "update audit_newest_checkpoint set n = 3",
    );
    await record(1, 0);
    await expect(checkpoints.signHeads()).rejects.toThrow("cut or exchanged");
  });
});

test("each fault is told in a sentence", async () => {
  await run(`delete from audit_entry ${ofCluster} in (2, 3)`);
  const { chains } = await verdicts();
  expect(chains[0]?.fault?.detail).toBe("The entries 2 to 3 are missing: entry 4 comes next.");
});
