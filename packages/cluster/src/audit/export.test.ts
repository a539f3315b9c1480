import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { acceptedExport } from "./accept.ts";
import { readCheckpointFile } from "./checkpoints.ts";
import { asCsvRow } from "./csv.ts";
import { linkOf } from "./entry.ts";
import { exportEntries, toJsonLine } from "./export.ts";
import { type AuditScene, auditEvent, openAuditScene } from "./scene.fixture.ts";

describe("a cell of CSV", () => {
  test.each([
    ["plain", '"plain"'],
    ['a "quoted", one', '"a ""quoted"", one"'],
    ["two\nlines", '"two\nlines"'],
    [null, '""'],
    [7, '"7"'],
    [-7, '"-7"'],
    ["=HYPERLINK(1)", '"\'=HYPERLINK(1)"'],
    ["+1", '"\'+1"'],
    ["-1", '"\'-1"'],
    ["@SUM(1)", '"\'@SUM(1)"'],
    ["\t=1", '"\'\t=1"'],
    ["\r=1", '"\'\r=1"'],
    ["  =1", '"\'  =1"'],
    ["\u200b=1", '"\'\u200b=1"'],
    ["\uff1d1", '"\'\uff1d1"'],
    ["a=1", '"a=1"'],
  ])("%j is written as %s", (value, cell) => {
    expect(asCsvRow([value])).toBe(`${cell}\r\n`);
  });
});

test.each([
  [undefined, null],
  ["*/*", null],
  ["application/json", null],
  ["text/csv", "csv"],
  ["application/jsonl", "jsonl"],
  ["application/x-ndjson", "jsonl"],
  ["text/html, text/csv;q=0.9, */*;q=0.1", "csv"],
  ["text/csv;q=0.5, application/json", null],
  ["TEXT/CSV; header=present", "csv"],
  ["text/csv;q=0", null],
])("Accept: %s asks for the form %s", (accept, format) => {
  expect(acceptedExport(accept)).toBe(format);
});

test.each(["{", "null", '{"a":\n1}', '{"a":1}\n{"b":2}', ""])("the altered text %j stays on its line", (body) => {
  const line = toJsonLine({ hash: "x", body });
  expect(line.indexOf("\n")).toBe(line.length - 1);
  expect(JSON.parse(line)).toEqual({ hash: "x", unreadable: body });
});

async function piecesOf(pieces: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const piece of pieces) all.push(piece);
  return all;
}

describe("an export", () => {
  let scene: AuditScene;
  let directory: string;
  let checkpointFile: string;
  const recipe = /```js\n([\s\S]*?)```/.exec(
    readFileSync(join(import.meta.dirname, "../../../../docs/audit.md"), "utf8"),
  )?.[1];

  beforeAll(async () => {
    scene = await openAuditScene();
    directory = mkdtempSync(join(tmpdir(), "postern-export-"));
    const strange = { ...auditEvent("thing.do", "t1"), why: '=1+1 "ä" 😀 ","entry":\u2028\n' };
    await scene.recordAll(Array.from({ length: 700 }, (_, index) => auditEvent(`a${index}`)));
    await scene.recordAll([strange, auditEvent("b", "t1"), auditEvent("c", "t2")]);
    await scene.checkpoints.signHeads();
    await scene.recordAll([auditEvent("later")]);
    writeFileSync(join(directory, "check-audit.mjs"), recipe ?? "");
    checkpointFile = join(directory, "checkpoint.json");
    writeFileSync(checkpointFile, JSON.stringify(await keptFile(() => true)));
  });

  afterAll(async () => {
    rmSync(directory, { recursive: true });
    await scene.close();
  });

  async function keptFile(mayRead: (chain: string) => boolean) {
    const newest = await scene.store.reads
      .selectFrom("audit_checkpoint")
      .select(["n", "jws"])
      .executeTakeFirstOrThrow();
    return readCheckpointFile(scene.store.reads, newest, mayRead);
  }

  async function exported(format: "jsonl" | "csv", filter = {}, reach: "everywhere" | Set<string> = "everywhere") {
    return (await piecesOf(exportEntries(scene.store.reads, format, reach, filter))).join("");
  }

  function runRecipe(lines: string, keyId = scene.signer.kid, kept = checkpointFile) {
    const path = join(directory, "audit.jsonl");
    writeFileSync(path, lines);
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(directory, "check-audit.mjs"), path, kept, keyId],
      { encoding: "utf8" },
    );
    return `${status} ${stdout}${stderr}`.trim();
  }

  test("of JSON lines holds each stored text byte for byte, chain by chain", async () => {
    const lines = (await exported("jsonl")).trimEnd().split("\n");
    const rows = await scene.store.reads
      .withoutPlugins()
      .selectFrom("audit_entry")
      .select("body")
      .orderBy("chain")
      .orderBy("seq")
      .execute();
    expect(rows.length).toBe(704);
    expect(lines.map((line) => line.slice(line.indexOf('"entry":') + 8, -1))).toEqual(rows.map(({ body }) => body));
  });

  test("comes in pieces of one page", async () => {
    const pieces = await piecesOf(exportEntries(scene.store.reads, "jsonl", "everywhere", {}));
    expect(pieces.map((piece) => piece.trimEnd().split("\n").length)).toEqual([500, 204]);
  });

  test("as CSV has a heading and one safe row for each entry", async () => {
    const text = await exported("csv", { tenantId: "t1" });
    const [heading, ...rows] = text.split("\r\n");
    expect(heading).toContain('"at","tenantId","seq","whoKind"');
    expect(rows[0]).toContain(`"'=1+1 ""ä"" 😀`);
    expect(rows.length).toBe(3); // two entries, and what follows the last line's end
  });

  test.each([
    [{ tenantId: "t1" }, 2],
    [{ clusterOnly: true }, 701],
    [{ action: "a5" }, 1],
    [{ outcome: "refused" as const }, 0],
    [{ targetKind: "thing" }, 704],
    [{ targetKind: "agent" }, 0],
    [{ targetId: "b" }, 1],
    [{ whoId: "x" }, 0],
    [{ since: "2023-11-14T22:13:20.000Z" }, 704],
    [{ until: "2023-11-14T22:13:20.000Z" }, 0],
  ])("is cut by %j to %i entries", async (filter, count) => {
    expect((await exported("jsonl", filter)).split("\n").length - 1).toBe(count);
  });

  test("is cut to its reader's tenants, whatever the filters say", async () => {
    expect((await exported("jsonl", {}, new Set(["t2"]))).trimEnd().split("\n").length).toBe(1);
    expect(await exported("jsonl", { tenantId: "t1" }, new Set(["t2"]))).toBe("");
    expect(await exported("jsonl", { clusterOnly: true }, new Set(["t2"]))).toBe("");
  });

  describe("checked by the recipe of docs/audit.md", () => {
    test("is intact", async () => {
      expect(runRecipe(await exported("jsonl"))).toMatch(
        /^0 intact: 3 chains, as signed in checkpoint 1 of 2023-11-14T/,
      );
    });

    test("of one tenant is intact, against that tenant's checkpoint", async () => {
      const own = join(directory, "own.json");
      writeFileSync(own, JSON.stringify(await keptFile((chain) => chain === "t1")));
      expect(readFileSync(own, "utf8")).not.toContain('"cluster"');
      expect(runRecipe(await exported("jsonl", {}, new Set(["t1"])), scene.signer.kid, own)).toMatch(
        /^0 intact: 1 chains/,
      );
    });

    test.each([
      [
        "an altered entry",
        (lines: string) => lines.replace('"action":"a3"', '"action":"a4"'),
        /^3 cluster: entry 4 does not/,
      ],
      [
        "a missing entry",
        (lines: string) => lines.replace(/\n.*"action":"a3".*\n/, "\n"),
        /^3 cluster: entry 4 is missing/,
      ],
      ["a cut tail", (lines: string) => lines.replace(/\n.*"action":"c".*\n/, "\n"), /^3 t2: cut before entry 1/],
      [
        "an altered link",
        (lines: string) => lines.replace(/^\{"hash":"./, '{"hash":"x'),
        /^3 cluster: entry 1 does not/,
      ],
    ])("with %s is refused", async (_, alter, answer) => {
      expect(runRecipe(alter(await exported("jsonl")))).toMatch(answer);
    });

    test("of a pruned chain begins behind what its audit.prune names, and nowhere else", async () => {
      const rows = (await exported("jsonl")).trimEnd().split("\n");
      const ofCluster = rows.filter((row) => JSON.parse(row).entry.chain === "cluster");
      const others = rows.filter((row) => JSON.parse(row).entry.chain !== "cluster");
      const [last = ""] = ofCluster.slice(-1);
      const start = JSON.parse(ofCluster[99] ?? "");
      const prune = { chain: "cluster", seq: 702, action: "audit.prune", who: { kind: "system" } };
      const written = (throughSeq: number) => {
        const entry = JSON.stringify({ ...prune, details: { throughSeq, hash: start.hash } });
        return `{"hash":"${linkOf(JSON.parse(last).hash, entry)}","entry":${entry}}`;
      };
      const pruned = (throughSeq: number) => [...ofCluster.slice(100), written(throughSeq), ...others, ""].join("\n");
      expect(runRecipe(pruned(100))).toMatch(/^0 cluster was pruned through entry 100\nintact: 3 chains/);
      expect(runRecipe(pruned(99))).toMatch(/entry 100 is missing/);
    });

    test("cut in the middle of a line is refused", async () => {
      expect(runRecipe((await exported("jsonl")).slice(0, -1))).toMatch(/^3 the export was cut/);
    });

    test("against another key, or other heads, is refused", async () => {
      const lines = await exported("jsonl");
      expect(runRecipe(lines, "another")).toMatch(/^3 another kind of message, or another key/);
      const file = JSON.parse(readFileSync(checkpointFile, "utf8"));
      const forged = join(directory, "forged.json");
      writeFileSync(forged, JSON.stringify({ ...file, heads: file.heads.slice(1) }));
      expect(runRecipe(lines, scene.signer.kid, forged)).toMatch(/^3 the heads are not those signed/);
    });

    test("is not fooled by an entry that was altered to be no JSON", async () => {
      const body = (
        await scene.store.reads
          .withoutPlugins()
          .selectFrom("audit_entry")
          .select("body")
          .where("id", "=", "id-0000005")
          .executeTakeFirstOrThrow()
      ).body;
      await scene.tamper((db) => sql`update audit_entry set body = 'x' where id = 'id-0000005'`.execute(db));
      expect(runRecipe(await exported("jsonl"))).toMatch(/^3 an entry was altered/);
      await scene.tamper((db) => sql`update audit_entry set body = ${body} where id = 'id-0000005'`.execute(db));
    });
  });
});
