import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { enrol, type FakeAgent, windowsFacts } from "../check-in/fake-agent.fixture.ts";
import { makeActivationKey, makeTenant, type TestTenant } from "../check-in/scene.fixture.ts";
import { type Caller, logInAsAdmin, startTestCluster, type TestCluster } from "../test-cluster.fixture.ts";
import { alarmLimits } from "./limits.ts";

// Each waits for many rounds, while other tests want the processor, too.
vi.setConfig({ testTimeout: 30_000 });

const minute = 60_000;

/** Patient: other tests want the processor, too. */
function eventually<Value>(read: () => Value) {
  return expect.poll(read, { timeout: 10_000, interval: 10 });
}

let cluster: TestCluster;
let admin: Caller;
let acme: TestTenant;

beforeAll(async () => {
  cluster = await startTestCluster({ timing: { holdMs: 0, pollMs: 1_000 }, watchEveryMs: 20 });
  acme = await makeTenant(await logInAsAdmin(cluster), "Acme");
});

beforeEach(async () => {
  admin = await logInAsAdmin(cluster); // time passes, and sessions end
});

afterAll(() => cluster.close());

async function newAgent(hostName = "db-07"): Promise<FakeAgent> {
  return enrol(cluster.url, await makeActivationKey(admin, acme.id), { hostName });
}

/** An agent that says it is protected, though its profile may not ask for it. */
function reports(agent: FakeAgent, state: "on" | "lifted", budgetLeft?: number) {
  const protection = { state, since: 1, layers: {}, ...(budgetLeft !== undefined && { budgetLeft }) };
  return agent.checkIn({ protection });
}

interface ShownAlarm {
  readonly id: string;
  readonly state: string;
}

async function alarmsOf(agent: FakeAgent): Promise<ShownAlarm[]> {
  return (await admin.send("GET", `/alarms?agentId=${agent.agentId}&sort=raisedAt`)).json.items;
}

/** Lets the watch see time pass as it does while the cluster runs. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= alarmLimits.outageMs / 2) {
    cluster.advance(Math.min(left, alarmLimits.outageMs / 2));
    await roundAfter(cluster.now());
  }
}

async function roundAfter(at: number): Promise<void> {
  await expect
    .poll(
      async () => Number((await cluster.database.query("select round_at from alarm_watch"))[0]?.["round_at"] ?? 0),
      {
        timeout: 5_000,
        interval: 5,
      },
    )
    .toBeGreaterThanOrEqual(at);
}

/** A whole round that began after this call. */
async function nextRounds(): Promise<void> {
  await roundAfter(cluster.now());
  await roundAfter(cluster.now());
}

test("a refused config, until it is refused no more", async () => {
  const agent = await newAgent();
  await agent.checkIn({ applied: { rev: 1, refused: { rev: 7, code: "revision_too_low" } } });
  const [alarm] = await alarmsOf(agent);
  expect(alarm).toMatchObject({ kind: "config_refused", state: "open", data: { rev: 7, code: "revision_too_low" } });
  await admin.send("POST", `/alarms/${alarm?.id}/acknowledge`, { comment: "seen it" });
  expect(await alarmsOf(agent)).toMatchObject([{ state: "acknowledged" }]);
  await agent.checkIn();
  expect(await alarmsOf(agent)).toMatchObject([{ state: "resolved", resolvedAt: expect.any(String) }]);
});

test("facts that would drop protection, until a user confirms", async () => {
  const secured = (await admin.send("POST", "/profiles", { tenantId: acme.id, name: "secured" })).json;
  await admin.send("PATCH", `/profiles/${secured.id}`, { serviceProtection: { on: true } });
  const intent = { tenantId: acme.id, name: "pay", profileId: secured.id, filter: { hostName: "pay-*" } };
  expect((await admin.send("POST", "/intents", intent)).status).toBe(201);
  const agent = await newAgent("pay-1");
  await agent.checkIn();
  await agent.checkIn({ facts: { ...windowsFacts, hostName: "renamed" } });
  expect(await alarmsOf(agent)).toMatchObject([
    {
      kind: "would_drop",
      severity: "warning",
      data: { keepsProfileId: secured.id, wouldDropToProfileId: acme.profileId },
    },
  ]);
  await admin.send("POST", `/agents/${agent.agentId}/confirm-drop`, { profileId: acme.profileId });
  await eventually(async () => (await alarmsOf(agent))[0]?.state).toBe("resolved");
});

test("a protected agent that is silent, until it comes back", async () => {
  const [agent, switchedOff, unprotected] = [await newAgent(), await newAgent(), await newAgent()];
  switchedOff.journal("service_stopping", { reason: "shutdown" });
  await reports(agent, "on");
  await reports(switchedOff, "on");
  await unprotected.checkIn();
  await pass(alarmLimits.comeBackMs + 3 * minute);
  await nextRounds();
  expect(await alarmsOf(agent)).toMatchObject([
    { kind: "protected_agent_silent", severity: "problem", state: "open", count: 1, data: { shutDown: false } },
  ]);
  expect(await alarmsOf(switchedOff)).toMatchObject([{ severity: "warning", data: { shutDown: true } }]);
  expect(await alarmsOf(unprotected)).toEqual([]);
  await reports(agent, "on");
  await nextRounds();
  expect(await alarmsOf(agent)).toMatchObject([{ state: "resolved", count: 1 }]);
});

test("silence after the cluster's own outage says nothing until agents had the time to come back", async () => {
  const [back, gone] = [await newAgent(), await newAgent()];
  await pass(alarmLimits.comeBackMs);
  for (const agent of [back, gone]) await reports(agent, "on");
  await nextRounds();
  cluster.advance(30 * minute); // nobody was there to be heard
  await nextRounds();
  expect([...(await alarmsOf(back)), ...(await alarmsOf(gone))]).toEqual([]);
  await pass(alarmLimits.comeBackMs - minute);
  await reports(back, "on");
  await pass(2 * minute);
  await nextRounds();
  expect(await alarmsOf(gone)).toMatchObject([{ kind: "protected_agent_silent" }]);
  await reports(back, "on");
  await nextRounds();
  expect((await alarmsOf(back)).filter(({ state }) => state === "open")).toEqual([]);
});

test("a lift that is over without a word from the agent, until it comes back", async () => {
  const agent = await newAgent();
  await pass(alarmLimits.comeBackMs);
  await reports(agent, "lifted", 10 * 60);
  await pass(9 * minute);
  await nextRounds();
  expect(await alarmsOf(agent)).toEqual([]);
  await pass(3 * minute);
  await nextRounds();
  expect(await alarmsOf(agent)).toMatchObject([
    { kind: "lift_overdue", severity: "problem", data: { liftEndedAt: expect.any(String) } },
  ]);
  await reports(agent, "lifted", 60);
  await nextRounds();
  expect(await alarmsOf(agent)).toMatchObject([{ state: "resolved" }]);
});

test("an agent that is deleted is missed no more", async () => {
  const agent = await newAgent();
  await pass(alarmLimits.comeBackMs);
  await reports(agent, "on");
  await pass(3 * minute);
  await nextRounds();
  expect(await alarmsOf(agent)).toMatchObject([{ state: "open" }]);
  admin = await logInAsAdmin(cluster);
  expect((await admin.send("DELETE", `/agents/${agent.agentId}`)).status).toBe(204);
  await nextRounds();
  expect(await alarmsOf(agent)).toMatchObject([{ state: "resolved", agent: { id: agent.agentId, hostName: "db-07" } }]);
});
