import { afterAll, beforeEach, expect, test, vi } from "vitest";
import { enrol, type FakeAgent } from "../check-in/fake-agent.fixture.ts";
import { makeActivationKey, makeTenant, type TestTenant } from "../check-in/scene.fixture.ts";
import {
  type Caller,
  caller,
  logInAsAdmin,
  makeUser,
  startTestCluster,
  type TestCluster,
} from "../test-cluster.fixture.ts";

const day = 24 * 60 * 60_000;
const everyMs = 50;
// Rounds are waited for, and each writes to disk.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const cluster: TestCluster = await startTestCluster({
  timing: { holdMs: 0, pollMs: 0 },
  cleanUpEveryMs: everyMs,
});
const admin: Caller = await byApiKey();
let tenant: TestTenant;
let key: string;

/** A log-in would end when the clock goes on by days. */
async function byApiKey(): Promise<Caller> {
  const roles = [{ role: "site_admin", tenantId: null }];
  const { json } = await (await logInAsAdmin(cluster)).send("POST", "/api-keys", { name: "long", roles });
  return caller(cluster, { authorization: `Bearer ${json.key}` });
}

afterAll(() => cluster.close());

beforeEach(async () => {
  tenant = await makeTenant(admin, `Acme ${Math.random()}`);
  key = await makeActivationKey(admin, tenant.id);
  await forgetOutages();
});

/** As if the cluster had been up all the time. */
async function forgetOutages(): Promise<void> {
  await rounds();
  await change("delete from agent_outage");
}

/** Waits for two rounds, of which the second began after this call. */
async function rounds(): Promise<void> {
  for (let i = 0; i < 2; i++) {
    const before = await lastRound();
    while ((await lastRound()) === before) await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function lastRound(): Promise<number> {
  const [row] = await cluster.database.query("select round_at from clean_up_watch");
  return Number(row?.["round_at"] ?? 0);
}

async function silentAgent(days: number, hostName = "silent"): Promise<FakeAgent> {
  const agent = await enrol(cluster.url, key, { hostName });
  await agent.checkIn();
  await silence(agent, days);
  return agent;
}

async function silence({ agentId }: FakeAgent, days: number): Promise<void> {
  const at = Math.round(cluster.now() - days * day);
  await change(`update presence set seen_at = ${at} where agent_id = '${agentId}'`);
}

/** From beside the cluster, which writes at any time itself: SQLite then says that it is busy. */
async function change(sql: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await cluster.database.query(sql);
      return;
    } catch (error) {
      if (tries === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function isThere({ agentId }: FakeAgent): Promise<boolean> {
  return (await admin.send("GET", `/agents/${agentId}`)).status === 200;
}

function cleanUpAfter(cleanUpAfterDays: number | null) {
  return admin.send("PATCH", `/profiles/${tenant.profileId}`, { cleanUpAfterDays });
}

test("nobody is deleted unless a profile says so", async () => {
  const agent = await silentAgent(400);
  await rounds();
  expect(await isThere(agent)).toBe(true);
});

test("a silent agent is deleted with a tombstone and an entry by the cluster itself; others stay", async () => {
  await admin.send("PATCH", `/profiles/${tenant.profileId}`, { serviceProtection: { on: true } });
  const [silent, heard] = [await silentAgent(31), await silentAgent(29, "heard")];
  await cleanUpAfter(30);
  await rounds();
  expect([await isThere(silent), await isThere(heard)]).toEqual([false, true]);
  const tombstone = await admin.send("GET", `/agents/tombstones/${silent.agentId}`);
  expect(tombstone.json).toMatchObject({ hostName: "silent", protection: "on", deletedBy: "cluster" });
  const { items } = (await admin.send("GET", `/audit?action=agent.delete&targetId=${silent.agentId}`)).json;
  expect(items).toMatchObject([
    { who: { kind: "system" }, why: "clean-up", details: { cleanUpAfterDays: 30, protection: "on" } },
  ]);
  const token = { kind: "agent", agentId: silent.agentId, reason: "it runs on" };
  expect((await admin.send("POST", "/agent-tokens", token)).status).toBe(201);
});

test("the preview says whom it would delete, before it is switched on, and deletes nobody", async () => {
  const agent = await silentAgent(20);
  const path = `/agents/clean-up?tenantId=${tenant.id}`;
  expect((await admin.send("GET", path)).json).toEqual({ matched: 0, waitsUntil: null, agents: [] });
  expect((await admin.send("GET", `${path}&afterDays=14`)).json).toMatchObject({
    matched: 1,
    agents: [{ id: agent.agentId, hostName: "silent", protection: "off", afterDays: 14 }],
  });
  expect((await admin.send("GET", `${path}&afterDays=21`)).json.matched).toBe(0);
  await rounds();
  expect(await isThere(agent)).toBe(true);
});

test("after an outage of its own the cluster waits a day, and what nobody could hear is no silence", async () => {
  const agent = await silentAgent(29);
  await cleanUpAfter(30);
  cluster.advance(3 * day); // nobody was there to hear it
  await rounds();
  await rounds();
  expect(await isThere(agent)).toBe(true);
  const path = `/agents/clean-up?tenantId=${tenant.id}`;
  const { waitsUntil } = (await admin.send("GET", path)).json;
  expect(Date.parse(waitsUntil)).toBeGreaterThan(cluster.now() + 0.9 * day);

  // Of these days three do not count.
  await silence(agent, 33.1);
  expect((await admin.send("GET", path)).json.matched).toBe(1);
  await silence(agent, 32.9);
  expect((await admin.send("GET", path)).json.matched).toBe(0);
  cluster.advance(-3 * day);
});

test("nobody is deleted whose protection a user is switching off for good", async () => {
  const agent = await silentAgent(60);
  await admin.send("POST", `/agents/${agent.agentId}/decommission`, {});
  await cleanUpAfter(30);
  await rounds();
  expect(await isThere(agent)).toBe(true);
});

test("the preview shows nothing of another tenant", async () => {
  await silentAgent(60);
  const other = await makeTenant(admin, `Umbrella ${Math.random()}`);
  const owner = await makeUser(cluster, admin, `owner of ${other.id}`, [{ role: "tenant_owner", tenantId: other.id }]);
  expect((await owner.send("GET", "/agents/clean-up?afterDays=1")).json.matched).toBe(0);
  expect((await owner.send("GET", `/agents/clean-up?tenantId=${tenant.id}`)).status).toBe(404);
  const foreign = await owner.send("GET", `/agents/clean-up?profileId=${tenant.profileId}&afterDays=1`);
  expect(foreign.json.matched).toBe(0);
});
