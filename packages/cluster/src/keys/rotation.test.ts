import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { enrol, type FakeAgent } from "../check-in/fake-agent.fixture.ts";
import { breakCommits, makeActivationKey, makeTenant, mendCommits } from "../check-in/scene.fixture.ts";
import {
  type Caller,
  caller,
  logInAsAdmin,
  makeUser,
  startTestCluster,
  type TestCluster,
} from "../test-cluster.fixture.ts";

const reason = "once a year";
let cluster: TestCluster;
let admin: Caller;
let activationKey: string;
beforeAll(async () => {
  cluster = await startTestCluster({ timing: { holdMs: 2_000, pollMs: 0 } });
  admin = await logInAsAdmin(cluster);
  activationKey = await makeActivationKey(admin, (await makeTenant(admin, "Acme")).id);
});
afterAll(() => cluster.close());

interface Key {
  readonly kid: string;
  readonly state: string;
}

async function keysOf(use: string): Promise<Key[]> {
  return (await admin.send("GET", `/keys?use=${use}&sort=createdAt`)).json.items;
}

async function states(use: string): Promise<string[]> {
  return (await keysOf(use)).map(({ state }) => state);
}

function rotate(use: string, who = admin) {
  return who.send("POST", `/keys/${use}/rotate`, { reason });
}

async function newAgent(hostName = "db-07"): Promise<FakeAgent> {
  const agent = await enrol(cluster.url, activationKey, { hostName, machineId: hostName });
  await agent.checkIn({ journal: { id: agent.journalId, entries: [] }, applied: { rev: 0 } });
  return agent;
}

function keyFiles(): string[] {
  return readdirSync(join(cluster.directory, "keys")).sort();
}

test.each(["token", "config"] as const)(
  "a rotated %s key is told to a held agent at once, and the one before stays in the bundle for one more time",
  async (use) => {
    const agent = await newAgent();
    const [first] = await keysOf(use);
    const before = agent.bundle.version;
    const held = agent.checkIn();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const began = performance.now();
    const { status, json } = await rotate(use);
    expect(status).toBe(201);
    expect(json).toMatchObject({ made: { use, state: "active" }, trustBundleVersion: before + 1 });
    expect((await held).answer?.bundle).toBeDefined();
    expect(performance.now() - began).toBeLessThan(1_000);
    const inBundle = () => [...(use === "token" ? agent.bundle.tokenKeys : agent.bundle.configKeys).keys()];
    expect(agent.bundle.version).toBe(before + 1);
    expect(inBundle()).toEqual([first?.kid, json.made.kid]);
    expect(await states(use)).toEqual(["retiring", "active"]);

    const second = (await rotate(use)).json;
    await agent.checkIn();
    expect(inBundle()).toEqual([json.made.kid, second.made.kid]);
    expect(await states(use)).toEqual(["retired", "retiring", "active"]);
  },
);

test("keys follow without a restart, and load again after one", async () => {
  await cluster.restart();
  admin = await logInAsAdmin(cluster);
  const agent = await newAgent("after-restart");
  await rotate("config");
  await rotate("token");
  const active = (await keysOf("token")).find(({ state }) => state === "active");
  expect((await agent.checkIn()).answer?.bundle).toBeDefined();
  await agent.checkIn({ applied: { rev: 0 } });
  const { json } = await admin.send("POST", "/agent-tokens", { kind: "agent", agentId: agent.agentId, reason });
  const header = JSON.parse(Buffer.from(json.token.split(".")[0], "base64url").toString());
  expect(header.kid).toBe(active?.kid);
  await cluster.restart();
  admin = await logInAsAdmin(cluster);
  agent.moveTo(cluster.url);
  expect((await agent.checkIn({ applied: { rev: 0 } })).status).toBe(200);
});

test("a rotation that cannot be stored changes nothing but leaves a key file that nobody asks for", async () => {
  const before = { token: await keysOf("token"), files: keyFiles() };
  await breakCommits(cluster);
  expect((await rotate("token")).status).toBe(500);
  await mendCommits(cluster);
  expect(await keysOf("token")).toEqual(before.token);
  expect(keyFiles().length).toBe(before.files.length + 1);
  await cluster.restart();
  admin = await logInAsAdmin(cluster);
  expect((await rotate("token")).status).toBe(201);
});

test("the new key is on disk before its row", async () => {
  const { json } = await rotate("token");
  expect(existsSync(join(cluster.directory, "keys", `${json.made.kid}.json`))).toBe(true);
});

test("rotations at the same time come one after the other", async () => {
  const version = (await rotate("token")).json.trustBundleVersion;
  const both = await Promise.all([rotate("token"), rotate("config"), rotate("token")]);
  expect(both.map(({ status }) => status)).toEqual([201, 201, 201]);
  expect(both.map(({ json }) => json.trustBundleVersion).sort((a, b) => a - b)).toEqual(
    [1, 2, 3].map((step) => version + step),
  );
  for (const use of ["token", "config"]) {
    expect((await states(use)).filter((state) => state === "active")).toHaveLength(1);
    expect((await states(use)).filter((state) => state === "retiring")).toHaveLength(1);
  }
});

test("only a site administrator who has just given the password rotates keys, with a reason", async () => {
  const before = await keysOf("token");
  for (const role of ["customer_support", "auditor"] as const) {
    const somebody = await makeUser(cluster, admin, role, [{ role, tenantId: null }]);
    expect((await rotate("token", somebody)).json.code).toBe("permission_missing");
  }
  expect((await caller(cluster).send("POST", "/keys/token/rotate", { reason })).status).toBe(401);
  expect((await admin.send("POST", "/keys/token/rotate", { reason: "  " })).json.code).toBe("validation_failed");
  expect((await admin.send("POST", "/keys/root/rotate", { reason })).json.code).toBe("not_found");
  cluster.advance(16 * 60_000);
  expect((await rotate("token")).json.code).toBe("reauthentication_required");
  expect(await keysOf("token")).toEqual(before);
  admin = await logInAsAdmin(cluster);
  const entries = (await admin.send("GET", "/audit?action=key.rotate&outcome=refused")).json.items;
  expect(entries[0]).toMatchObject({ why: "reauthentication_required", target: { kind: "key" } });
});

test("a rotation stands in the audit log with its reason and its keys", async () => {
  const { json } = await rotate("token");
  const [entry] = (await admin.send("GET", `/audit?targetId=${json.made.kid}`)).json.items;
  expect(entry).toMatchObject({ action: "key.rotate", outcome: "done", why: reason, who: { name: "admin" } });
});

test("the reach of a key says who holds it and who does not", async () => {
  const away = await newAgent("away");
  const before = (await keysOf("token")).find(({ state }) => state === "active");
  const { json } = await rotate("token");
  const connected = await newAgent("connected");
  await connected.checkIn({ applied: { rev: 0 } });
  const reach = (await admin.send("GET", `/keys/${json.made.kid}/reach`)).json;
  expect(reach.agents).toBe(reach.holding + reach.notHolding.count);
  const names = reach.notHolding.agents.map(({ hostName }: { hostName: string }) => hostName);
  expect(names).toContain("away");
  expect(names).not.toContain("connected");
  expect(reach.stranded.count).toBe(0);
  expect(away.bundle.tokenKeys.has(before?.kid ?? "")).toBe(true);
});
