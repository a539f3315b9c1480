import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makePostgresDatabase, queryPostgres } from "../../src/test-database.fixture.ts";
import { posternProgram } from "../running-cluster.ts";

// What an operator sees when a node cannot start, and when several start on a new database at once.

let database: Awaited<ReturnType<typeof makePostgresDatabase>>;
let directory: string;

beforeEach(async () => {
  database = await makePostgresDatabase();
  directory = await mkdtemp(join(tmpdir(), "postern-start-"));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
  await database.drop();
});

interface Outcome {
  /** Null: it was still running, as a node that serves. */
  readonly code: number | null;
  readonly output: string;
}

/** Runs a command to its end, or until it says that it serves. */
function run(args: readonly string[], env: Record<string, string>): Promise<Outcome> {
  const child = spawn(process.execPath, [posternProgram, ...args], {
    env: { PATH: process.env["PATH"], HOME: directory, POSTERN_LISTEN: "127.0.0.1:0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let served = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (served || !output.includes(" serves ")) return;
      served = true;
      child.kill("SIGTERM");
    });
  }
  return new Promise((resolve) => child.on("close", (code) => resolve({ code: served ? null : code, output })));
}

function serve(name: string, url = database.url): Promise<Outcome> {
  return run(["serve"], { DATABASE_URL: url, POSTERN_DATA: join(directory, name) });
}

test("a node says where its data is, without who logs in there", async () => {
  const url = new URL(database.url);
  url.password = "s3cret";
  const { code, output } = await serve("a", url.href);
  expect(code).toBeNull();
  expect(output).toMatch(/serves http:\/\/127.0.0.1:\d+ \(database test_\w+ on 127.0.0.1:\d+, keys in .*a, on-prem\)/);
  expect(output).not.toContain("s3cret");
});

test("a node without the cluster's keys is refused, told what to copy, and makes no keys", async () => {
  await serve("a");
  const { code, output } = await serve("b");
  expect(code).toBe(2);
  expect(output).toMatch(/has the cluster [0-9a-f-]{36}, and this node has no keys of it/);
  expect(output).toContain(
    `Copy the folder "keys" from the data directory of another node, with all that is in it, to ${join(directory, "b", "keys")}`,
  );
  expect(output).not.toMatch(/^\s+at /m);
  expect(existsSync(join(directory, "b", "keys"))).toBe(false);
});

test("of nodes that start on a new database at once, one makes the cluster; the others are told so", async () => {
  const outcomes = await Promise.all(["a", "b", "c"].map((name) => serve(name)));
  const winners = outcomes.filter(({ code }) => code === null);
  expect(winners.map(({ output }) => output)).toEqual([expect.stringContaining("The user is admin")]);
  for (const { code, output } of outcomes.filter((one) => one.code !== null)) {
    expect(code).toBe(2);
    expect(output).toMatch(/no keys of it/);
  }
  expect(await queryPostgres(database.url, "select count(*) as n from cluster")).toEqual([{ n: 1 }]);
  expect(await queryPostgres(database.url, "select count(*) as n from user_account")).toEqual([{ n: 1 }]);
});

test("nodes with one data directory use the same keys", async () => {
  await serve("shared");
  const outcomes = await Promise.all([serve("shared"), serve("shared")]);
  expect(outcomes.map(({ code }) => code)).toEqual([null, null]);
});

test("a database that is not there is named, with what to do and without a stack", async () => {
  const { code, output } = await serve("a", "postgres://postern:s3cret@127.0.0.1:1/postern");
  expect(code).toBe(2);
  expect(output).toMatch(
    /The database postern on 127.0.0.1:1 cannot be used \(.*ECONNREFUSED.*\)\. Check DATABASE_URL/,
  );
  expect(output).not.toContain("s3cret");
  expect(output).not.toMatch(/^\s+at /m);
});

test("a node that cannot listen for the others does not start", async () => {
  const { code, output } = await run(["serve"], {
    DATABASE_URL: database.url,
    DATABASE_LISTEN_URL: "postgres://postern@127.0.0.1:1/postern",
    POSTERN_DATA: join(directory, "a"),
  });
  expect(code).toBe(2);
  expect(output).toMatch(/Listening on the database postern on 127.0.0.1:1 is not possible .*DATABASE_LISTEN_URL/);
});

test("the schema can be made first, by somebody else", async () => {
  const migrated = await run(["migrate"], { DATABASE_URL: database.url, POSTERN_DATA: join(directory, "a") });
  expect(migrated).toMatchObject({ code: 0, output: expect.stringContaining("  audit-1\n") });
  expect(existsSync(join(directory, "a")), "no data directory is needed").toBe(false);
  expect((await serve("a")).code).toBeNull();
});
