import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { copyToPostgres } from "../../src/backup/copy.ts";
import { tableRules } from "../../src/backup/table-rules.ts";
import { enrol } from "../../src/check-in/fake-agent.fixture.ts";
import { migrateSqlite } from "../../src/db/sqlite/open.ts";
import { migrations } from "../../src/schema.ts";
import { addressOf, makePostgresDatabase, queryPostgres } from "../../src/test-database.fixture.ts";
import { fillEveryTable } from "../fill-every-table.ts";
import { call, logIn, logInAsAdmin, send } from "../http-client.ts";
import { postern, posternDone } from "../postern-command.ts";
import { type RunningCluster, startCluster } from "../running-cluster.ts";

let database: Awaited<ReturnType<typeof makePostgresDatabase>>;
let folder: string;
const clusters: RunningCluster[] = [];

beforeEach(async () => {
  database = await makePostgresDatabase();
  folder = mkdtempSync(join(tmpdir(), "postern-copy-"));
});
afterEach(async () => {
  for (const cluster of clusters.splice(0).reverse()) await cluster.remove();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

async function start(env: Record<string, string>): Promise<RunningCluster> {
  const cluster = await startCluster({ env });
  clusters.push(cluster);
  return cluster;
}

/** Every row of a SQLite table, its columns in the order given. */
function rowsOfSqlite(path: string, table: string, columns: readonly string[]): unknown[] {
  const sqlite = new DatabaseSync(path, { readOnly: true });
  const rows = sqlite.prepare(`select ${columns.join(", ")} from ${table}`).all();
  sqlite.close();
  return rows.map((row) => JSON.stringify(columns.map((column) => row[column]))).sort();
}

async function rowsOfPostgres(table: string, columns: readonly string[]): Promise<unknown[]> {
  const rows = await queryPostgres(database.url, `select ${columns.join(", ")} from ${table}`);
  return rows.map((row) => JSON.stringify(columns.map((column) => row[column]))).sort();
}

function columnsOf(path: string, table: string): string[] {
  const sqlite = new DatabaseSync(path, { readOnly: true });
  const columns = sqlite.prepare(`select name from pragma_table_info('${table}')`).all();
  sqlite.close();
  return columns.map(({ name }) => String(name));
}

test("every row of every table is the same there, and only the copy's own audit entry is new", async () => {
  const from = join(folder, "data");
  mkdirSync(from);
  await migrateSqlite({ directory: from, migrations, now: () => 1 });
  const path = join(from, "postern.db");
  const filled = fillEveryTable(path);
  expect([...filled.values()].every((rows) => rows > 0)).toBe(true);
  expect([...filled.keys()].sort(), "each table is copied").toEqual(Object.keys(tableRules).sort());

  const { rows, tables } = await copyToPostgres({
    from,
    path,
    to: addressOf(database.url),
    migrations,
    clock: { now: () => 1_795_600_000_000 },
    randomBytes,
    progress: () => {},
  });
  expect(rows).toBe([...filled.values()].reduce((sum, count) => sum + count, 0));
  expect(tables).toBe(filled.size);
  for (const table of filled.keys()) {
    const columns = columnsOf(path, table);
    const copied = await rowsOfPostgres(table, columns);
    const own = copied.filter((row) => String(row).includes("cluster.copy"));
    if (table === "audit_entry") expect(own).toHaveLength(1);
    // The head of the cluster's chain is that of the entry; the made-up rows have no chain of this name.
    const expected = rowsOfSqlite(path, table, columns);
    const others = copied.filter(
      (row) => !own.includes(row) && !(table === "audit_chain" && String(row).startsWith('["cluster"')),
    );
    expect(others, table).toEqual(expected);
  }
}, 60_000);

test("a cluster goes on on PostgreSQL: its agents, tokens, sessions, and its audit log to the byte", async () => {
  const old = await start({ DATABASE_URL: "" });
  const data = old.env["POSTERN_DATA"] ?? "";
  const admin = await logInAsAdmin(old);
  const tenantId = (await call<{ id: string }>(old, admin, "POST", "/tenants", { name: "acme" })).id;
  const { key } = await call<{ key: string }>(old, admin, "POST", "/activation-keys", { tenantId });
  const agent = await enrol(old.url, key);
  agent.journal("drift");
  await agent.checkIn();
  const reason = "to be there after the copy";
  const token = await call<{ id: string; token: string }>(old, admin, "POST", "/agent-tokens", {
    kind: "agent",
    agentId: agent.agentId,
    reason,
  });
  const copy = ["copy", "--from", data, "--to", database.url];
  const running = await postern(old, copy);
  expect(running).toMatchObject({ code: 2, stderr: expect.stringContaining("is in use by another Postern process") });
  await old.stop();
  const { stdout } = await posternDone(old, [...copy, "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({
    auditHeads: expect.arrayContaining([expect.objectContaining({ chain: tenantId })]),
  });
  const again = await postern(old, copy);
  expect(again).toMatchObject({
    code: 3,
    stderr: expect.stringMatching(/There is the cluster .* already.\nNothing was changed/),
  });

  const columns = ["chain", "seq", "encode(convert_to(body, 'UTF8'), 'hex') as body", "hash"];
  const bodies = (await queryPostgres(database.url, `select ${columns.join(", ")} from audit_entry`)).map((row) =>
    JSON.stringify([row["chain"], row["seq"], row["body"], row["hash"]]),
  );
  const sqlite = new DatabaseSync(join(data, "postern.db"), { readOnly: true });
  const before = sqlite
    .prepare("select chain, seq, lower(hex(cast(body as blob))) as body, hash from audit_entry")
    .all();
  sqlite.close();
  expect(before.length).toBeGreaterThan(5);
  for (const { chain, seq, body, hash } of before) expect(bodies).toContain(JSON.stringify([chain, seq, body, hash]));
  expect(bodies).toHaveLength(before.length + 1);

  const moved = await start({ DATABASE_URL: database.url, POSTERN_DATA: data });
  expect(await call(moved, admin, "GET", "/audit/verification"), "the session is still one").toMatchObject({
    intact: true,
    checkpoints: { fault: null },
  });
  expect(await (await send(moved, admin, "GET", `/agent-tokens/${token.id}/download`)).text()).toBe(`${token.token}\n`);
  agent.moveTo(moved.url);
  agent.journal("drift");
  expect((await agent.checkIn({ applied: { rev: 0 } })).answer?.journalAcked).toBe(2);
  await logIn(moved, "admin", old.adminPassword);
}, 240_000);

test("a copy that is killed leaves nothing, and can be made again", async () => {
  const from = join(folder, "data");
  mkdirSync(from);
  await migrateSqlite({ directory: from, migrations, now: () => 1 });
  fillEveryTable(join(from, "postern.db"));
  const env = { PATH: process.env["PATH"], HOME: folder };
  const copy = ["copy", "--from", from, "--to", database.url];
  let killed = 0;
  for (let round = 0; round < 5; round++) {
    const ended = await postern({ env }, copy, {}, (child) => {
      setTimeout(() => child.kill("SIGKILL"), 300 + round * 120 + Math.random() * 100);
    });
    if (ended.code === 0) break;
    expect(ended.code).toBe(null);
    killed += 1;
    const tables = await queryPostgres(database.url, "select 1 from pg_tables where schemaname = 'public'");
    expect(tables).toEqual([]);
  }
  expect(killed).toBeGreaterThan(0);
  const last = await postern({ env }, copy);
  if (last.code !== 0) expect(last.stderr).toContain("There is the cluster");
  const [row] = await queryPostgres(database.url, "select count(*) as rows from journal_entry");
  expect(Number(row?.["rows"])).toBe(1_234);
}, 240_000);
