import { afterAll, beforeAll, expect, test } from "vitest";
import { type Caller, logInAsAdmin, startTestCluster, type TestCluster } from "../test-cluster.fixture.ts";
import { type FakeAgent, newEnrolAttempt, provesToBe, tryEnrol } from "./fake-agent.fixture.ts";
import { makeActivationKey, makeTenant, type TestTenant } from "./scene.fixture.ts";

let cluster: TestCluster;
let admin: Caller;
let acme: TestTenant;
let umbrella: TestTenant;
let activationKey: string;

beforeAll(async () => {
  cluster = await startTestCluster({ timing: { holdMs: 0, pollMs: 0 } });
  admin = await logInAsAdmin(cluster);
  acme = await makeTenant(admin, "Acme");
  umbrella = await makeTenant(admin, "Umbrella");
  activationKey = await makeActivationKey(admin, acme.id);
});

afterAll(() => cluster.close());

async function enrolled(attempt = newEnrolAttempt(), key = activationKey): Promise<FakeAgent> {
  const { agent, status, code } = await tryEnrol(cluster.url, key, attempt);
  if (!agent) throw new Error(`enrolment was refused: ${status} ${code}`);
  return agent;
}

async function detail({ agentId }: FakeAgent) {
  return (await admin.send("GET", `/agents/${agentId}`)).json;
}

test("a machine that proves its old key keeps its record: id, labels, profile; the new key takes over", async () => {
  const before = await enrolled(newEnrolAttempt({ hostName: "same-1", machineId: "same-1" }));
  await before.checkIn();
  await admin.send("PATCH", `/agents/${before.agentId}`, { labels: ["site:berlin"] });
  const attempt = { ...newEnrolAttempt({ hostName: "same-1", machineId: "same-1" }), previous: provesToBe(before) };
  const after = await enrolled(attempt);
  expect(after.agentId).toBe(before.agentId);
  expect(after.applied.rev).toBeGreaterThanOrEqual(before.applied.rev);
  expect((await after.checkIn()).status).toBe(200);
  expect(await detail(after)).toMatchObject({
    labels: ["site:berlin"],
    identityThumbprint: after.identityKey.kid,
    state: "active",
    lookAlikes: [],
  });
  expect(await before.checkIn()).toMatchObject({ status: 401, code: "agent_unauthenticated" });
  const { items } = (await admin.send("GET", `/audit?targetId=${after.agentId}&sort=at`)).json;
  expect(items.map(({ action }: { action: string }) => action)).toEqual([
    "agent.enrol",
    "agent.label",
    "agent.enrol",
    "agent.change-key",
  ]);
  expect(items[2].details).toMatchObject({ continues: true });
});

test("until the new key has signed, the old one goes on: an answer that gets lost locks nobody out", async () => {
  const before = await enrolled(newEnrolAttempt({ hostName: "same-2" }));
  const lost = { ...newEnrolAttempt(), previous: provesToBe(before) };
  await enrolled(lost);
  expect((await before.checkIn()).status).toBe(200);
  const again = await enrolled(lost);
  expect(again.agentId).toBe(before.agentId);
  const another = await enrolled({ ...newEnrolAttempt(), previous: provesToBe(before) });
  expect((await another.checkIn()).status).toBe(200);
  expect(await again.checkIn()).toMatchObject({ code: "agent_unauthenticated" });
  expect(await before.checkIn()).toMatchObject({ code: "agent_unauthenticated" });
});

test("a proof that was recorded is good with nobody else's key, request or nonce", async () => {
  const victim = await enrolled(newEnrolAttempt({ hostName: "same-3" }));
  let recorded = "";
  const moved = await enrolled({
    ...newEnrolAttempt(),
    previous: async (enrolment) => {
      recorded = await provesToBe(victim)(enrolment);
      return recorded;
    },
  });
  expect(moved.agentId).toBe(victim.agentId);
  const thief = await enrolled({ ...newEnrolAttempt(), previous: async () => recorded });
  expect(thief.agentId).not.toBe(victim.agentId);
  expect((await victim.checkIn()).status).toBe(200);
});

test.each([
  ["another key that enrols", { jkt: "A".repeat(43) }],
  ["another request", { requestId: "0193f0a0-0000-7000-8000-000000000001" }],
  ["another cluster", { iss: "urn:postern:cluster:0193f0a0-0000-7000-8000-000000000001" }],
  ["another nonce", { nonce: `${"A".repeat(21)}A` }],
])("a proof for %s makes a new agent", async (_, change) => {
  const victim = await enrolled(newEnrolAttempt({ hostName: "same-4" }));
  const thief = await enrolled({ ...newEnrolAttempt(), previous: provesToBe(victim, change) });
  expect(thief.agentId).not.toBe(victim.agentId);
});

test("an agent's proof in another's name makes a new agent", async () => {
  const [victim, thief] = [await enrolled(), await enrolled()];
  const previous = provesToBe(thief, { sub: victim.agentId });
  expect((await enrolled({ ...newEnrolAttempt(), previous })).agentId).not.toBe(victim.agentId);
});

test("the tenant never changes: with another tenant's activation key it is a new agent there", async () => {
  const before = await enrolled(newEnrolAttempt({ hostName: "same-5" }));
  const key = await makeActivationKey(admin, umbrella.id);
  const after = await enrolled({ ...newEnrolAttempt(), previous: provesToBe(before) }, key);
  expect(after.agentId).not.toBe(before.agentId);
  expect(after.tenantId).toBe(umbrella.id);
  expect((await before.checkIn()).status).toBe(200);
});

test("neither a deleted nor a decommissioned agent goes on", async () => {
  const deleted = await enrolled();
  await admin.send("DELETE", `/agents/${deleted.agentId}`);
  expect((await enrolled({ ...newEnrolAttempt(), previous: provesToBe(deleted) })).agentId).not.toBe(deleted.agentId);

  const ended = await enrolled();
  await admin.send("POST", `/agents/${ended.agentId}/decommission`, {});
  await ended.checkIn();
  await ended.checkIn();
  expect((await detail(ended)).state).toBe("decommissioned");
  expect((await enrolled({ ...newEnrolAttempt(), previous: provesToBe(ended) })).agentId).not.toBe(ended.agentId);
});

test("going on costs a use, and facts of the enrolment move no protection", async () => {
  await admin.send("PATCH", `/profiles/${acme.profileId}`, { serviceProtection: { on: true } });
  const lax = (await admin.send("POST", "/profiles", { tenantId: acme.id, name: "lax" })).json;
  await admin.send("POST", "/intents", {
    tenantId: acme.id,
    name: "lab",
    profileId: lax.id,
    filter: { hostName: "lab-*" },
  });
  const key = await makeActivationKey(admin, acme.id, { maxUses: 2 });
  const before = await enrolled(newEnrolAttempt({ hostName: "vault-1" }), key);
  expect(before.applied.cfg.serviceProtection.on).toBe(true);
  const after = await enrolled({ ...newEnrolAttempt({ hostName: "lab-1" }), previous: provesToBe(before) }, key);
  expect(after.agentId).toBe(before.agentId);
  expect(after.applied.cfg.serviceProtection.on).toBe(true);
  await after.checkIn({ facts: newEnrolAttempt({ hostName: "lab-1" }).facts });
  expect(await detail(after)).toMatchObject({ wouldDrop: { profileId: lax.id } });
  const third = await tryEnrol(cluster.url, key, newEnrolAttempt());
  expect(third.code).toBe("activation_key_used_up");
  await admin.send("PATCH", `/profiles/${acme.profileId}`, { serviceProtection: { on: false } });
});

test("without a proof it is a new agent, and both are flagged as look-alikes; nothing is merged by name", async () => {
  const older = await enrolled(newEnrolAttempt({ hostName: "twin", machineId: "machine-9" }));
  const newer = await enrolled(newEnrolAttempt({ hostName: "twin", machineId: "machine-9" }));
  const renamed = await enrolled(newEnrolAttempt({ hostName: "renamed", machineId: "machine-9" }));
  expect(new Set([older.agentId, newer.agentId, renamed.agentId]).size).toBe(3);
  const alike = (await detail(older)).lookAlikes;
  expect(alike).toHaveLength(2);
  expect(alike).toEqual(
    expect.arrayContaining([
      { id: newer.agentId, hostName: "twin", sameMachine: true },
      { id: renamed.agentId, hostName: "renamed", sameMachine: true },
    ]),
  );
  const { items } = (await admin.send("GET", `/agents?q=twin&tenantId=${acme.id}`)).json;
  expect(items.map((one: { lookAlikeCount: number }) => one.lookAlikeCount)).toEqual([2, 2]);
  const foreign = await enrolled(
    newEnrolAttempt({ hostName: "twin", machineId: "machine-9" }),
    await makeActivationKey(admin, umbrella.id),
  );
  expect((await detail(foreign)).lookAlikes).toEqual([]);

  const path = `/agents/${older.agentId}/replaced`;
  expect((await admin.send("POST", path, { byAgentId: older.agentId })).json.code).toBe("replacement_refused");
  expect((await admin.send("POST", path, { byAgentId: foreign.agentId })).json.code).toBe("replacement_refused");
  expect((await admin.send("POST", path, { byAgentId: newer.agentId })).status).toBe(204);
  expect(await detail(older)).toMatchObject({
    state: "replaced",
    standing: { is: "replaced", by: "admin", replacedBy: newer.agentId },
  });
  expect((await detail(newer)).lookAlikes).toHaveLength(1);
  expect((await admin.send("GET", "/agents?state=replaced")).json.items).toMatchObject([{ id: older.agentId }]);
  await older.checkIn();
  expect(await detail(older)).toMatchObject({ state: "active", standing: { is: "normal" } });
  await admin.send("POST", path, {});
  expect((await admin.send("DELETE", path)).status).toBe(204);
  expect((await detail(older)).state).toBe("active");
});
