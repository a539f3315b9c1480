import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { enrol } from "../src/check-in/fake-agent.fixture.ts";
import { engine } from "../src/test-database.fixture.ts";
import { type Caller, call, listAll, logInAsAdmin, send } from "./http-client.ts";
import { postern, posternDone } from "./postern-command.ts";
import { type RunningCluster, startCluster } from "./running-cluster.ts";

const agentProgram = join(import.meta.dirname, "../../agent/src/main.ts");
const agentNode = join(import.meta.dirname, "../../agent/node_modules/.bin/node");
const reason = "a drill of the restore";

let cluster: RunningCluster;
let admin: Caller;
let tenantId: string;
let folder: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "postern-whole-backup-"));
  cluster = await startCluster();
  admin = await logInAsAdmin(cluster);
  tenantId = (await call<{ id: string }>(cluster, admin, "POST", "/tenants", { name: "acme" })).id;
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await cluster.remove();
  rmSync(folder, { recursive: true, force: true });
});

async function makeActivationKey(): Promise<string> {
  return (await call<{ key: string }>(cluster, admin, "POST", "/activation-keys", { tenantId, maxUses: 9 })).key;
}

/** Backs up while the cluster runs. @returns the file */
async function backUp(): Promise<string> {
  const { stdout } = await posternDone(cluster, ["backup", "--out", folder]);
  return stdout.trim();
}

async function restore(file: string, ...flags: string[]): Promise<void> {
  await cluster.kill();
  await posternDone(cluster, ["restore", file, "--replace", ...flags]);
  await cluster.start();
  admin = await logInAsAdmin(cluster);
}

/** The real agent, as on a Linux workload. */
async function startAgent(activationKey: string): Promise<string> {
  const data = join(folder, "agent");
  const service = spawn(agentNode, [agentProgram, "-service", "-data", data], { stdio: "ignore" });
  children.push(service);
  const args = [agentProgram, "-data", data, "-enroll", "-cluster", cluster.url, "-key", "-"];
  for (let attempt = 1; ; attempt++) {
    const enrolling = spawn(agentNode, args, { stdio: ["pipe", "pipe", "ignore"] });
    enrolling.stdin.end(`${activationKey}\n`);
    let output = "";
    enrolling.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    const code = await new Promise((resolve) => enrolling.once("close", resolve));
    const id = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(output)?.[0];
    if (code === 0 && id !== undefined) return id;
    if (attempt === 20) throw new Error(`the agent does not enrol: ${code} ${output}`);
    await pause(250); // its service is still starting
  }
}

interface ShownAgent {
  readonly config: { readonly desiredRev: number; readonly appliedRev: number };
  readonly trustBundle: { readonly current: number; readonly acknowledged: number };
}

/** Waits until the agent has what the cluster wants of it. */
async function untilCaughtUp(agentId: string): Promise<ShownAgent> {
  const giveUpAt = Date.now() + 40_000;
  for (;;) {
    const agent = await call<ShownAgent>(cluster, admin, "GET", `/agents/${agentId}`);
    const { config, trustBundle } = agent;
    if (config.appliedRev === config.desiredRev && trustBundle.acknowledged === trustBundle.current) return agent;
    if (Date.now() > giveUpAt) throw new Error(`the agent does not catch up: ${JSON.stringify(agent)}`);
    await pause(100);
  }
}

test("a real agent that is newer than the backup comes back by itself", async () => {
  const agentId = await startAgent(await makeActivationKey());
  const [profile] = await listAll<{ id: string }>(cluster, admin, `/profiles?tenantId=${tenantId}`);
  const setLift = (liftSeconds: number) =>
    call(cluster, admin, "PATCH", `/profiles/${profile?.id}`, { serviceProtection: { liftSeconds } });
  await setLift(61);
  await untilCaughtUp(agentId);
  const file = await backUp();

  await setLift(62);
  for (const use of ["config", "token", "config"])
    await call(cluster, admin, "POST", `/keys/${use}/rotate`, { reason });
  const before = await untilCaughtUp(agentId);
  expect(before.trustBundle.current).toBe(4);
  await restore(file);
  const after = await untilCaughtUp(agentId);
  expect(after.config.appliedRev).toBeGreaterThan(before.config.appliedRev);
  expect(after.trustBundle.acknowledged).toBeGreaterThan(4);
  await setLift(63);
  await untilCaughtUp(agentId);
  expect(await call(cluster, admin, "GET", "/audit/verification")).toMatchObject({ intact: true });
}, 240_000);

test("a real agent that enrolled after the backup is in the list again", async () => {
  const activationKey = await makeActivationKey();
  const file = await backUp();
  const agentId = await startAgent(activationKey);
  await untilCaughtUp(agentId);
  await restore(file);
  const giveUpAt = Date.now() + 60_000;
  for (;;) {
    const response = await send(cluster, admin, "GET", `/agents/${agentId}`);
    if (response.status === 200) break;
    if (Date.now() > giveUpAt) throw new Error(`the agent does not come back: ${response.status}`);
    await pause(200);
  }
  await untilCaughtUp(agentId);
  expect(await call(cluster, admin, "GET", `/agents/${agentId}`)).toMatchObject({ state: "restored", tenantId });
}, 240_000);

test("a backup made under load is of one moment, and has all that was acknowledged before it", async () => {
  const key = await makeActivationKey();
  const agents = await Promise.all(["a", "b"].map((machineId) => enrol(cluster.url, key, { machineId })));
  const made = new Map<string, { readonly token: string; readonly at: number }>();
  let writing = true;
  const write = async (agentId: string) => {
    while (writing) {
      const target = { kind: "agent", agentId, reason };
      const { id, token } = await call<{ id: string; token: string }>(cluster, admin, "POST", "/agent-tokens", target);
      made.set(id, { token, at: Date.now() });
    }
  };
  const writers = agents.map(({ agentId }) => write(agentId));
  while (made.size < 10) await pause(20);
  const began = Date.now();
  const file = await backUp();
  await pause(200);
  writing = false;
  await Promise.all(writers);

  const check = await posternDone(cluster, ["restore", file, "--check", "--json"]);
  const { rows, madeAt, auditFault } = JSON.parse(check.stdout);
  expect(auditFault).toBe(null);
  await restore(file);
  const kept = new Set((await listAll<{ id: string }>(cluster, admin, "/agent-tokens")).map(({ id }) => id));
  expect(kept.size).toBe(rows.agent_token);
  expect(kept.size).toBeLessThan(made.size);
  const acknowledged = [...made].filter(([, { at }]) => at <= began);
  expect(acknowledged.length).toBeGreaterThan(5);
  expect(Date.parse(madeAt)).toBeGreaterThanOrEqual(began);
  expect(acknowledged.filter(([id]) => !kept.has(id))).toEqual([]);
  for (const [id, { token }] of acknowledged.slice(-5)) {
    expect(await (await send(cluster, admin, "GET", `/agent-tokens/${id}/download`)).text()).toBe(`${token}\n`);
  }
  expect(await call(cluster, admin, "GET", "/audit/verification")).toMatchObject({ intact: true });
}, 240_000);

test("a restore that is killed at any point leaves the old cluster or the restored one, whole", async () => {
  const later = Array.from({ length: 40 }, (_, index) => `later ${index}`);
  const file = await backUp();
  await Promise.all(later.map((name) => call(cluster, admin, "POST", "/tenants", { name })));
  const outcomes = new Set<string>();
  for (let round = 0; round < 6; round++) {
    await cluster.kill();
    let child: ChildProcess | undefined;
    const ended = postern(cluster, ["restore", file, "--replace"], {}, (started) => {
      child = started;
    });
    await pause(250 + round * 150 + Math.random() * 100);
    child?.kill("SIGKILL");
    const { code } = await ended;
    await cluster.start();
    const caller = await logInAsAdmin(cluster);
    const tenants = await listAll(cluster, caller, "/tenants");
    expect([1, 41]).toContain(tenants.length);
    if (code === 0) expect(tenants).toHaveLength(1);
    expect(await call(cluster, caller, "GET", "/audit/verification")).toMatchObject({ intact: true });
    outcomes.add(tenants.length === 1 ? "restored" : "old");
    if (tenants.length === 1) break;
  }
  expect(outcomes).toContain("old");
  await restore(file);
  expect(await listAll(cluster, admin, "/tenants")).toHaveLength(1);
  const data = cluster.env["POSTERN_DATA"] ?? "";
  expect(readdirSync(data).filter((name) => name.startsWith("restoring"))).toEqual([]);
  if (engine === "sqlite") expect(readdirSync(data).some((name) => name.startsWith("replaced-"))).toBe(true);
}, 240_000);

test("what was kept of the audit log after the backup is told apart from tampering", async () => {
  const shell = { POSTERN_URL: cluster.url, HOME: folder };
  const logIn = async () => {
    const child = spawn(
      "sh",
      [
        "-c",
        `cat "$PASSWORD_FILE" | "${process.execPath}" "${join(import.meta.dirname, "../bin/postern.mjs")}" login --password-stdin admin`,
      ],
      {
        env: { ...cluster.env, ...shell, PASSWORD_FILE: cluster.env["POSTERN_ADMIN_PASSWORD_FILE"] },
        stdio: "ignore",
      },
    );
    expect(await new Promise((resolve) => child.once("close", resolve))).toBe(0);
  };
  await logIn();
  const [early, late] = [join(folder, "early.json"), join(folder, "late.json")];
  const restartForCheckpoint = async () => {
    await cluster.stop(); // signs a last checkpoint
    await cluster.start();
  };
  await restartForCheckpoint();
  await posternDone(cluster, ["audit", "checkpoint", "--out", early], shell);
  const file = await backUp();
  await pause(1_100); // checkpoints count in seconds
  await call(cluster, admin, "POST", "/tenants", { name: "later" });
  await restartForCheckpoint();
  await posternDone(cluster, ["audit", "checkpoint", "--out", late], shell);
  await posternDone(cluster, ["audit", "verify", "--checkpoint", late], shell);

  await restore(file);
  await logIn();
  const asBefore = await postern(cluster, ["audit", "verify", "--checkpoint", early], shell);
  expect(asBefore).toMatchObject({ code: 0 });
  const { code, stderr } = await postern(cluster, ["audit", "verify", "--checkpoint", late], shell);
  expect(code).toBe(3);
  expect(stderr).toMatch(/was restored from a backup of before this checkpoint/);
  expect(stderr).toMatch(/cluster: entries after \d+ were lost when the backup of .* was restored at/);
  const inJson = await postern(cluster, ["audit", "verify", "--checkpoint", late, "--json"], shell);
  expect(JSON.parse(inJson.stdout)).toMatchObject({
    intact: false,
    restores: expect.arrayContaining([expect.objectContaining({ tenantId: null })]),
  });
}, 240_000);

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
