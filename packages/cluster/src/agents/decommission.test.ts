import { afterAll, beforeAll, expect, test } from "vitest";
import { enrol, type FakeAgent, newEnrolAttempt } from "../check-in/fake-agent.fixture.ts";
import { makeActivationKey, makeTenant, type TestTenant } from "../check-in/scene.fixture.ts";
import {
  adminPassword,
  type Caller,
  logInAsAdmin,
  makeUser,
  startTestCluster,
  type TestCluster,
} from "../test-cluster.fixture.ts";

let cluster: TestCluster;
let admin: Caller;
let acme: TestTenant;
let activationKey: string;

beforeAll(async () => {
  cluster = await startTestCluster({ timing: { holdMs: 40_000, pollMs: 0 } });
  admin = await logInAsAdmin(cluster);
  acme = await makeTenant(admin, "Acme");
  await admin.send("PATCH", `/profiles/${acme.profileId}`, { serviceProtection: { on: true } });
  activationKey = await makeActivationKey(admin, acme.id);
});

afterAll(() => cluster.close());

async function newAgent(hostName: string): Promise<FakeAgent> {
  const agent = await enrol(cluster.url, activationKey, { hostName });
  await agent.checkIn({ facts: { ...newEnrolAttempt().facts, hostName } });
  return agent;
}

async function detail({ agentId }: FakeAgent) {
  return (await admin.send("GET", `/agents/${agentId}`)).json;
}

test("protection goes off by a signed config first, and only who has applied it is decommissioned", async () => {
  const agent = await newAgent("end-1");
  const held = agent.checkIn();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const { status, json } = await admin.send("POST", `/agents/${agent.agentId}/decommission`, {});
  expect(status).toBe(200);
  expect(json).toMatchObject({ state: "active", decommission: { by: "admin", appliedAt: null } });
  expect((await held).config?.cfg.serviceProtection.on).toBe(false);
  expect(await detail(agent)).toMatchObject({ state: "active", decommission: { appliedAt: null } });

  agent.journal("protection_off");
  const last = await agent.checkIn();
  expect(last).toMatchObject({ status: 200, answer: { journalAcked: 1 } });
  expect(await detail(agent)).toMatchObject({
    state: "decommissioned",
    protection: "off",
    decommission: { by: "admin", appliedAt: expect.stringMatching(/Z$/) },
  });
  expect(await agent.checkIn()).toMatchObject({ status: 403, code: "agent_decommissioned" });
  expect((await admin.send("GET", "/agents?state=decommissioned")).json.items).toMatchObject([{ hostName: "end-1" }]);
  expect((await admin.send("GET", `/agents?state=active&q=end-1`)).json.items).toEqual([]);
  const { items } = (await admin.send("GET", `/audit?targetId=${agent.agentId}&sort=at`)).json;
  expect(items.map(({ action }: { action: string }) => action)).toEqual([
    "agent.enrol",
    "agent.decommission",
    "agent.decommissioned",
  ]);
});

test("a report of an older config, or of protection that is still on, decommissions nobody", async () => {
  const agent = await newAgent("end-2");
  const before = agent.applied.rev;
  await admin.send("POST", `/agents/${agent.agentId}/decommission`, {});
  const off = { state: "off", since: 0, layers: {} } as const;
  const { config } = await agent.checkIn({ applied: { rev: before }, protection: off });
  expect(config?.cfg.serviceProtection.on).toBe(false);
  expect((await detail(agent)).state).toBe("active");
  const facts = newEnrolAttempt().facts;
  await agent.checkIn({ facts, protection: { state: "on", since: 0, layers: {} } });
  expect((await detail(agent)).state).toBe("active");
});

test("a profile that is switched on once more does not protect whom a user decommissions", async () => {
  const agent = await newAgent("end-3");
  await admin.send("POST", `/agents/${agent.agentId}/decommission`, {});
  await admin.send("PATCH", `/profiles/${acme.profileId}`, { serviceProtection: { on: true, liftSeconds: 99 } });
  expect((await agent.checkIn()).config?.cfg.serviceProtection).toMatchObject({ on: false, liftSeconds: 99 });
  const { json } = await admin.send("GET", `/agents/${agent.agentId}/config`);
  expect(json.config.serviceProtection.on).toBe(false);
});

test("it can be taken back until the agent has carried it out, and not after", async () => {
  const agent = await newAgent("end-4");
  const path = `/agents/${agent.agentId}/decommission`;
  expect((await admin.send("DELETE", path)).json).toMatchObject({ status: 409, code: "decommission_not_pending" });
  await admin.send("POST", path, {});
  expect((await agent.checkIn()).config?.cfg.serviceProtection.on).toBe(false);
  expect((await admin.send("DELETE", path)).status).toBe(204);
  expect((await agent.checkIn()).config?.cfg.serviceProtection.on).toBe(true);
  expect(await detail(agent)).toMatchObject({ state: "active", decommission: null });

  await admin.send("POST", path, {});
  await agent.checkIn();
  await agent.checkIn();
  expect((await admin.send("DELETE", path)).json).toMatchObject({ status: 409, code: "decommission_applied" });
});

test("a decommissioned agent is refused before anything that it says is stored", async () => {
  const agent = await newAgent("end-5");
  await admin.send("POST", `/agents/${agent.agentId}/decommission`, {});
  await agent.checkIn();
  await agent.checkIn();
  await agent.checkIn({ facts: { ...newEnrolAttempt().facts, hostName: "renamed" } });
  expect(await detail(agent)).toMatchObject({ hostName: "end-5", state: "decommissioned" });
});

test("many at once: the preview says how many, and when they are others by now, nothing is done", async () => {
  const agents = [await newAgent("bulk-1"), await newAgent("bulk-2")];
  const filter = { q: "bulk-" };
  const preview = await admin.send("POST", "/agents/decommission/preview", { filter });
  expect(preview.json).toEqual({ matched: 2, changed: 2, protected: 2 });
  agents.push(await newAgent("bulk-3"));
  const refused = await admin.send("POST", "/agents/decommission", { filter, matched: 2 });
  expect(refused.json).toMatchObject({ status: 409, code: "selection_changed" });
  expect(await detail(agents[0] as FakeAgent)).toMatchObject({ decommission: null });
  const done = await admin.send("POST", "/agents/decommission", { filter, matched: 3 });
  expect(done.json).toEqual({ matched: 3, changed: 3 });
  const again = await admin.send("POST", "/agents/decommission", { agentIds: agents.map(({ agentId }) => agentId) });
  expect(again.json).toEqual({ matched: 3, changed: 0 });
  for (const agent of agents) expect((await agent.checkIn()).config?.cfg.serviceProtection.on).toBe(false);
  expect((await admin.send("POST", "/agents/decommission", {})).json.code).toBe("validation_failed");
});

test("the password is asked for again, and only those who manage the tenant's agents may", async () => {
  const agent = await newAgent("end-6");
  const other = await makeTenant(admin, "Umbrella");
  const owner = await makeUser(cluster, admin, "owner", [{ role: "tenant_owner", tenantId: acme.id }]);
  const stranger = await makeUser(cluster, admin, "stranger", [{ role: "tenant_owner", tenantId: other.id }]);
  const installer = await makeUser(cluster, admin, "installer", [{ role: "agent_installer", tenantId: acme.id }]);
  const path = `/agents/${agent.agentId}/decommission`;
  expect((await stranger.send("POST", path, {})).status).toBe(404);
  expect((await stranger.send("DELETE", path)).status).toBe(404);
  const named = { agentIds: [agent.agentId] };
  expect((await stranger.send("POST", "/agents/decommission", named)).status).toBe(404);
  expect((await installer.send("POST", path, {})).json.code).toBe("permission_missing");

  cluster.advance(16 * 60_000);
  expect((await owner.send("POST", path, {})).json).toMatchObject({ status: 403, code: "reauthentication_required" });
  const bulk = await owner.send("POST", "/agents/decommission", named);
  expect(bulk.json).toMatchObject({ status: 403, code: "reauthentication_required" });
  expect(await detail(agent)).toMatchObject({ decommission: null });
  await owner.send("POST", "/session/reauthenticate", { password: "the password of owner" });
  expect((await owner.send("POST", path, {})).status).toBe(200);
  await admin.send("POST", "/session/reauthenticate", { password: adminPassword });
});

test("an agent on Linux, which has no protection, is decommissioned the same way", async () => {
  const agent = await enrol(cluster.url, activationKey, { hostName: "end-7", platform: "linux" });
  await admin.send("POST", `/agents/${agent.agentId}/decommission`, {});
  await agent.checkIn();
  await agent.checkIn();
  expect((await detail(agent)).state).toBe("decommissioned");
});

test("a tombstone says that its agent had been decommissioned", async () => {
  const agent = await newAgent("end-8");
  await admin.send("POST", `/agents/${agent.agentId}/decommission`, {});
  await agent.checkIn();
  await agent.checkIn();
  await admin.send("DELETE", `/agents/${agent.agentId}`);
  const { json } = await admin.send("GET", `/agents/tombstones/${agent.agentId}`);
  expect(json).toMatchObject({ decommissioned: true, protection: "off" });
});
