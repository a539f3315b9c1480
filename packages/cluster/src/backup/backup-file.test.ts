import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { firstLink, linkOf } from "../audit/entry.ts";
import { type BackupManifest, openBackupFile, type TableLine, writeBackupFile } from "./backup-file.ts";
import { checkBackup } from "./check-backup.ts";

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-backup-"));
  path = join(directory, "a.backup");
});
afterEach(() => rmSync(directory, { recursive: true }));

const manifest: BackupManifest = {
  postern: "backup",
  format: 1,
  clusterId: "0193f0a0-0000-7000-8000-000000000001",
  madeAt: "2026-11-24T12:00:00.000Z",
  program: "0.0.0",
  engine: "sqlite",
  migrations: [],
  tables: [{ name: "restore_gap", columns: ["id", "from_at", "to_at"], rows: 2 }],
  auditHeads: [],
  keyFiles: [],
};
const rows: TableLine[] = [
  ["restore_gap", "a", 1, 2],
  ["restore_gap", "b", 3, 4],
];

async function* inPages(lines: readonly TableLine[]) {
  yield lines;
}

async function readAll(): Promise<TableLine[]> {
  const backup = await openBackupFile(path);
  const all: TableLine[] = [];
  for await (const row of backup.rows()) all.push(row);
  return all;
}

/** Makes another file of the text of this one. */
function rewrite(change: (text: string) => string): void {
  writeFileSync(path, gzipSync(change(gunzipSync(readFileSync(path)).toString())));
}

test("what was written comes back, whatever characters are in it", async () => {
  const value = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constant("\u2028\u2029\r\n\0"),
    fc.maxSafeInteger(),
    fc.constant(null),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.constant("t"), value, value)), async (lines) => {
      rmSync(path, { force: true });
      await writeBackupFile(path, manifest, inPages(lines));
      expect(await readAll()).toEqual(lines);
    }),
    { numRuns: 30 },
  );
});

test("only its owner can read it, and no other file of that name is overwritten", async () => {
  await writeBackupFile(path, manifest, inPages(rows));
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await expect(writeBackupFile(path, manifest, inPages(rows))).rejects.toThrow(/is there already/);
});

test("what fails leaves no file behind", async () => {
  async function* failing() {
    yield rows;
    throw new Error("the database is gone");
  }
  await expect(writeBackupFile(path, manifest, failing())).rejects.toThrow("the database is gone");
  expect(readdirSync(directory)).toEqual([]);
});

test("every way of cutting it shows", async () => {
  await writeBackupFile(path, manifest, inPages(rows));
  const whole = readFileSync(path);
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(path, whole.subarray(0, length));
    await expect(readAll(), `${length} bytes`).rejects.toThrow(/cut off|damaged|is none/);
  }
});

test.each([
  ["a value was changed", (text: string) => text.replace('"a",1', '"a",9')],
  ["a row was removed", (text: string) => text.replace('["restore_gap","a",1,2]\n', "")],
  ["rows changed places", (text: string) => text.replace(/(\["re.*\]\n)(\["re.*\]\n)/, "$2$1")],
  ["the manifest was changed", (text: string) => text.replace('"program":"0.0.0"', '"program":"0.0.1"')],
  ["the end was removed", (text: string) => text.replace(/\{"sha256.*\n/, "")],
  ["something was added", (text: string) => `${text}["restore_gap","c",5,6]\n`],
])("%s: refused", async (_, change) => {
  await writeBackupFile(path, manifest, inPages(rows));
  const before = readFileSync(path);
  rewrite(change);
  expect(readFileSync(path).equals(before)).toBe(false);
  await expect(readAll()).rejects.toThrow(/checksum differs|cut off|goes on after its end/);
});

test("what is no backup is told apart from one of a later version", async () => {
  await expect(openBackupFile(join(directory, "nothing"))).rejects.toThrow(/is not there/);
  writeFileSync(path, "hello");
  await expect(openBackupFile(path)).rejects.toThrow(/is damaged, or none/);
  writeFileSync(path, gzipSync("hello\n"));
  await expect(openBackupFile(path)).rejects.toThrow(/is none/);
  writeFileSync(path, gzipSync(`${JSON.stringify({ ...manifest, format: 2 })}\n`));
  await expect(openBackupFile(path)).rejects.toThrow(/later version/);
});

test("a check counts rows and knows every table", async () => {
  await writeBackupFile(path, manifest, inPages(rows));
  expect(await checkBackup(path, [])).toMatchObject({ rows: 2, auditFault: null });
  const made = async (lines: TableLine[], change: Partial<BackupManifest> = {}) => {
    rmSync(path);
    await writeBackupFile(path, { ...manifest, ...change }, inPages(lines));
    return checkBackup(path, []);
  };
  await expect(made(rows.slice(1))).rejects.toThrow(/1 of 2 rows of restore_gap/);
  await expect(made([["nobody_knows", 1]])).rejects.toThrow(/fits no table/);
  await expect(made([["restore_gap", "a", 1]])).rejects.toThrow(/fits no table/);
  await expect(made(rows, { migrations: [{ name: "later-1", digest: "" }] })).rejects.toThrow(
    /newer than this program/,
  );
});

test("a check recomputes the audit chains", async () => {
  const link = (before: string, body: string) => linkOf(before, body);
  const [first, second] = [link(firstLink, "one"), link(link(firstLink, "one"), "two")];
  const columns = ["chain", "seq", "body", "hash"];
  const check = async (entries: readonly (readonly [number, string, string])[], head: string, pruned?: string) => {
    rmSync(path, { force: true });
    const tables = [
      { name: "audit_pruned", columns: ["chain", "seq", "hash", "at"], rows: pruned === undefined ? 0 : 1 },
      { name: "audit_entry", columns, rows: entries.length },
    ];
    const lines: TableLine[] = [
      ...(pruned === undefined ? [] : [["audit_pruned", "cluster", 1, pruned, 0] as const]),
      ...entries.map((entry) => ["audit_entry", "cluster", ...entry] as const),
    ];
    await writeBackupFile(
      path,
      { ...manifest, tables, auditHeads: [{ chain: "cluster", seq: 2, hash: head }] },
      inPages(lines),
    );
    return (await checkBackup(path, [])).auditFault;
  };
  expect(
    await check(
      [
        [1, "one", first],
        [2, "two", second],
      ],
      second,
    ),
  ).toBe(null);
  expect(await check([[2, "two", second]], second, first), "pruned up to the first").toBe(null);
  expect(
    await check(
      [
        [1, "one", first],
        [2, "two", second],
      ],
      second,
      first,
    ),
    "pruned and not yet removed",
  ).toBe(null);
  expect(
    await check(
      [
        [1, "One", first],
        [2, "two", second],
      ],
      second,
    ),
  ).toMatch(/Entry 1 of the chain cluster/);
  expect(await check([[2, "two", second]], second)).toMatch(/Entry 2 of the chain cluster/);
  expect(await check([[1, "one", first]], second)).toMatch(/does not end at its head/);
});
