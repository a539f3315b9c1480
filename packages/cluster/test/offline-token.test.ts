import { spawn } from "node:child_process";
import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { toUnixSeconds, verify } from "@postern/token";
import { afterAll, beforeAll, expect, test } from "vitest";
import { enrol, type FakeAgent } from "../src/check-in/fake-agent.fixture.ts";
import { engine } from "../src/test-database.fixture.ts";
import { type Caller, call, listAll, logInAsAdmin } from "./http-client.ts";
import { posternProgram, type RunningCluster, startCluster } from "./running-cluster.ts";

let cluster: RunningCluster;
let admin: Caller;
let agent: FakeAgent;
let keys: string;

beforeAll(async () => {
  cluster = await startCluster();
  admin = await logInAsAdmin(cluster);
  keys = join(cluster.directory, "data/keys");
  const { id } = await call<{ id: string }>(cluster, admin, "POST", "/tenants", { name: "acme" });
  const { key } = await call<{ key: string }>(cluster, admin, "POST", "/activation-keys", { tenantId: id });
  agent = await enrol(cluster.url, key);
});
afterAll(() => cluster.remove());

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly said: string;
}

/** Runs `postern token generate --offline` and kills it after `killAfterMs`, or as soon as it has shown a token. */
function offline(args: readonly string[], killAfterMs?: number | "token"): Promise<Ran> {
  return new Promise((resolve) => {
    const env = { PATH: process.env["PATH"], HOME: cluster.directory };
    const command = [posternProgram, "token", "generate", "--offline", "--reason", "cluster lost", ...args];
    const child = spawn(process.execPath, command, { env, stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
      if (killAfterMs === "token") child.kill("SIGKILL");
    });
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    const timer = typeof killAfterMs === "number" ? setTimeout(() => child.kill("SIGKILL"), killAfterMs) : undefined;
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, out: out.trim(), said });
    });
  });
}

function jtiOf(token: string): string {
  return verify(token, {
    tokenKeys: agent.bundle.tokenKeys,
    clusterId: agent.bundle.clusterId,
    tenantId: agent.tenantId,
    agentId: agent.agentId,
    now: toUnixSeconds(Date.now()),
  }).jti;
}

async function recorded(): Promise<string[]> {
  return (await readdir(join(keys, "offline-tokens")).catch(() => [])).map((name) => name.slice(0, 36));
}

test("with the cluster down and its database gone, a copy of the keys gives a token; a start on them enters it", async () => {
  if (engine === "sqlite") {
    const refused = await offline(["--keys", keys, "--agent", agent.agentId]);
    expect(refused).toMatchObject({ code: 2, out: "" });
    expect(refused.said).toContain("so the cluster is not down");
  }
  await cluster.stop();
  const copy = join(cluster.directory, "rescue/keys");
  await cp(keys, copy, { recursive: true });
  const made = await offline(["--keys", copy, "--agent", agent.agentId, "--ticket", "INC-7"]);
  expect(made.said).toContain("the next start of a node on them enters it in the audit log");
  const jti = jtiOf(made.out);

  await cp(join(copy, "offline-tokens"), join(keys, "offline-tokens"), { recursive: true });
  await cluster.start();
  admin = await logInAsAdmin(cluster);
  expect(await call(cluster, admin, "GET", `/agent-tokens/${jti}`)).toMatchObject({
    token: made.out,
    ticket: "INC-7",
    reason: "cluster lost",
    agent: { id: agent.agentId },
  });
  expect(await recorded()).toEqual([]);
});

test("killed at any moment, no token was shown whose record is not on disk", async () => {
  await cluster.stop();
  const shown: string[] = [];
  const args = ["--keys", keys, "--agent", agent.agentId];
  const started = performance.now();
  shown.push((await offline(args, "token")).out);
  const usualMs = performance.now() - started;
  for (const share of [0.5, 0.7, 0.8, 0.9, 1]) shown.push((await offline(args, usualMs * share)).out);
  shown.push((await offline(args, "token")).out);
  const jtis = shown.filter((token) => token !== "").map(jtiOf);
  expect(jtis.length).toBeGreaterThanOrEqual(2);
  const onDisk = await recorded();
  for (const jti of jtis) expect(onDisk).toContain(jti);

  // Nor is there a token when the record cannot be written at all.
  const blocked = join(cluster.directory, "blocked/keys");
  await cp(keys, blocked, { recursive: true });
  await rm(join(blocked, "offline-tokens"), { recursive: true });
  await writeFile(join(blocked, "offline-tokens"), "no folder");
  const none = await offline(["--keys", blocked, "--cluster"]);
  expect(none).toMatchObject({ code: 2, out: "" });
  expect(none.said).toContain("so there is no token");

  await cluster.start();
  admin = await logInAsAdmin(cluster);
  const entries = await listAll<{ target: { id: string } }>(cluster, admin, "/audit?action=agent-token.generate");
  const entered = entries.map(({ target }) => target.id);
  expect(new Set(entered).size).toBe(entered.length);
  for (const jti of onDisk) expect(entered).toContain(jti);
  expect(await call(cluster, admin, "GET", "/audit/verification")).toMatchObject({ intact: true });
}, 120_000);

test("a key store under a passphrase gives a token only with it", async () => {
  const passphrase = join(cluster.directory, "passphrase");
  await writeFile(passphrase, "a passphrase of many words\n");
  const locked = await startCluster({ env: { POSTERN_KEY_PASSPHRASE_FILE: passphrase, DATABASE_URL: "" } });
  try {
    await locked.stop();
    const lockedKeys = join(locked.directory, "data/keys");
    const args = ["--keys", lockedKeys, "--cluster"];
    const without = await offline(args);
    expect(without).toMatchObject({ code: 2, out: "" });
    expect(without.said).toContain("locked by a passphrase");
    const made = await offline([...args, "--key-passphrase-file", passphrase]);
    expect(made.out).toMatch(/^eyJ/);
    expect(await readFile(join(lockedKeys, "cluster.json"), "utf8")).not.toContain("many words");
  } finally {
    await locked.remove();
  }
});

test.each([
  { name: "a host name", args: ["--agent", "WS-7"], says: "names cannot be looked up" },
  { name: "no target", args: [], says: "one of --agent, --tenant and --cluster" },
  { name: "a challenge for the cluster", args: ["--cluster", "--challenge", "7Q3K-M2V8-XH5T-9RJ*"], says: "challenge" },
  { name: "an unknown key", args: ["--cluster", "--key", "zzz"], says: 'No token key\'s id begins with "zzz"' },
  { name: "too short a reason", args: ["--cluster", "--reason", "a b"], says: "3 visible characters" },
])("says what to do about $name", async ({ args, says }) => {
  const copy = join(cluster.directory, "rescue/keys");
  const { code, out, said } = await offline(["--keys", copy, ...args]);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(said).toContain(says);
});
