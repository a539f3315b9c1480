import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { enrol, newEnrolAttempt, tryEnrol } from "../check-in/fake-agent.fixture.ts";
import { makeActivationKey, makeTenant, type TestTenant } from "../check-in/scene.fixture.ts";
import { type Caller, logInAsAdmin, makeUser, startTestCluster, type TestCluster } from "../test-cluster.fixture.ts";

let cluster: TestCluster;
let admin: Caller;
let acme: TestTenant;
let umbrella: TestTenant;
let activationKey: string;

beforeAll(async () => {
  cluster = await startTestCluster({ timing: { holdMs: 40_000, pollMs: 0 } });
  admin = await logInAsAdmin(cluster);
  acme = await makeTenant(admin, "Acme");
  umbrella = await makeTenant(admin, "Umbrella");
  await admin.send("PATCH", `/profiles/${acme.profileId}`, { serviceProtection: { on: true, liftSeconds: 1_234 } });
  activationKey = await makeActivationKey(admin, acme.id);
});

afterAll(() => cluster.close());

async function newAgent(hostName: string) {
  const agent = await enrol(cluster.url, activationKey, { hostName });
  agent.journal("service_started");
  await agent.checkIn();
  return agent;
}

test("a deleted agent leaves a tombstone that says who it was, and is in no list any more", async () => {
  const { agentId } = await newAgent("gone-1");
  await admin.send("PATCH", `/agents/${agentId}`, { labels: ["site:berlin"] });
  expect((await admin.send("DELETE", `/agents/${agentId}`)).status).toBe(204);
  expect((await admin.send("GET", `/agents/${agentId}`)).status).toBe(404);
  expect((await admin.send("GET", "/agents?q=gone-1")).json.items).toEqual([]);
  const expected = {
    id: agentId,
    tenant: { id: acme.id, name: "Acme" },
    hostName: "gone-1",
    platform: "windows",
    protection: "on",
    decommissioned: false,
    trustBundle: 1,
    deletedBy: "admin",
  };
  expect((await admin.send("GET", "/agents/tombstones?q=GONE")).json.items).toMatchObject([expected]);
  expect((await admin.send("GET", `/agents/tombstones/${agentId}`)).json).toMatchObject(expected);
  expect((await admin.send("DELETE", `/agents/${agentId}`)).status).toBe(404);
  const { json } = await admin.send("GET", `/audit?action=agent.delete&targetId=${agentId}`);
  expect(json.items).toMatchObject([{ outcome: "done", target: { name: "gone-1" }, details: { protection: "on" } }]);
});

test("deleting ends the check-in that is held, and the agent is told what became of it, without a config", async () => {
  const agent = await newAgent("gone-2");
  const held = agent.checkIn();
  await new Promise((resolve) => setTimeout(resolve, 100));
  await admin.send("DELETE", `/agents/${agent.agentId}`);
  expect(await held).toMatchObject({ status: 403, code: "agent_deleted" });
  const later = await agent.checkIn({ facts: newEnrolAttempt().facts });
  expect(later).toMatchObject({ status: 403, code: "agent_deleted" });
  expect([later.answer, later.config]).toEqual([undefined, undefined]);
});

test("who cannot prove to be the deleted agent does not learn that there was one", async () => {
  const [agent, other] = [await newAgent("gone-3"), await newAgent("here-3")];
  await admin.send("DELETE", `/agents/${agent.agentId}`);
  expect(await other.checkIn({ sub: agent.agentId })).toMatchObject({ status: 401, code: "agent_unauthenticated" });
});

test("neither its old request to enrol nor its old key brings a deleted agent back", async () => {
  const key = await makeActivationKey(admin, acme.id);
  const attempt = newEnrolAttempt({ hostName: "gone-4" });
  const { agent } = await tryEnrol(cluster.url, key, attempt);
  await admin.send("DELETE", `/agents/${agent?.agentId}`);
  expect(await tryEnrol(cluster.url, key, attempt)).toEqual({ status: 409, code: "enrolment_conflict" });
  expect((await admin.send("GET", "/agents?q=gone-4")).json.items).toEqual([]);
});

test("a deletion of something that somebody has changed meanwhile is refused", async () => {
  const { agentId } = await newAgent("kept-5");
  const etag = (await admin.send("GET", `/agents/${agentId}`)).headers.get("etag") ?? "";
  await admin.send("PATCH", `/agents/${agentId}`, { labels: ["keep"] });
  const refused = await admin.send("DELETE", `/agents/${agentId}`, undefined, { "if-match": etag });
  expect(refused.json).toMatchObject({ status: 412, code: "precondition_failed" });
  expect((await admin.send("GET", `/agents/${agentId}`)).status).toBe(200);
});

test("one that is deleted while others check in does not make them fail", async () => {
  const agents = await Promise.all(["race-1", "race-2", "race-3"].map(newAgent));
  const [gone, ...others] = agents;
  const answers = [admin.send("DELETE", `/agents/${gone?.agentId}`)];
  const checkIns = agents.map((agent) => agent.checkIn({ facts: newEnrolAttempt().facts }));
  await Promise.all(answers);
  const statuses = (await Promise.all(checkIns)).map(({ status }) => status);
  expect(statuses.slice(1)).toEqual(others.map(() => 200));
  expect([200, 401, 403]).toContain(statuses[0]);
});

describe("tokens for a deleted agent", () => {
  test("are generated for what it held and demanded, and stay on record with its name", async () => {
    const agent = await newAgent("gone-6");
    const before = await admin.send("POST", "/agent-tokens", {
      kind: "agent",
      agentId: agent.agentId,
      reason: "before",
    });
    await admin.send("DELETE", `/agents/${agent.agentId}`);
    const body = { kind: "agent", agentId: agent.agentId, reason: "it runs on" };
    const preview = await admin.send("POST", "/agent-tokens/preview", { kind: "agent", agentId: agent.agentId });
    expect(preview.json.coverage).toEqual({ agents: 1, reached: 1, deleted: true, notReached: [] });
    const { status, json } = await admin.send("POST", "/agent-tokens", body);
    expect(status).toBe(201);
    expect(json.coverage).toEqual(preview.json.coverage);
    const record = await admin.send("GET", `/agent-tokens/${json.id}`);
    expect(record.json).toMatchObject({ agent: { id: agent.agentId, hostName: "gone-6" }, liftSeconds: 1_234 });
    expect(record.json.token).toBe(json.token);
    expect((await admin.send("GET", `/agents/${agent.agentId}/agent-token`)).json.id).toBe(json.id);
    expect((await admin.send("GET", `/agent-tokens/${before.json.id}`)).json.agent.hostName).toBe("gone-6");
    const download = await fetch(`${cluster.url}/api/v1/agent-tokens/${json.id}/download`);
    expect(download.status).toBe(401);
    expect((await admin.send("GET", `/agents/${agent.agentId}/journal`)).json.items).toMatchObject([
      { kind: "service_started", agent: { hostName: "gone-6" } },
    ]);
  });

  test("exist for Windows only", async () => {
    const { agentId } = await enrol(cluster.url, activationKey, { hostName: "gone-7", platform: "linux" });
    await admin.send("DELETE", `/agents/${agentId}`);
    const { json } = await admin.send("POST", "/agent-tokens", { kind: "agent", agentId, reason: "it runs on" });
    expect(json).toMatchObject({ status: 422, code: "token_platform_unsupported" });
  });

  test("demand the challenge that its profile demanded", async () => {
    await admin.send("PATCH", `/profiles/${acme.profileId}`, { serviceProtection: { requireChallenge: true } });
    const { agentId } = await newAgent("gone-8");
    await admin.send("DELETE", `/agents/${agentId}`);
    await admin.send("PATCH", `/profiles/${acme.profileId}`, { serviceProtection: { requireChallenge: false } });
    const { json } = await admin.send("POST", "/agent-tokens/preview", { kind: "agent", agentId });
    expect(json.coverage).toMatchObject({ reached: 0, notReached: [{ reason: "challenge_required", count: 1 }] });
  });
});

test("a key that a deleted agent alone still holds strands it when destroyed", async () => {
  const { agentId } = await newAgent("gone-9");
  const [before] = (await admin.send("GET", "/keys?use=token&state=active")).json.items;
  await admin.send("DELETE", `/agents/${agentId}`);
  await admin.send("POST", "/keys/token/rotate", { reason: "once a year" });
  await admin.send("POST", "/keys/token/rotate", { reason: "once a year" });
  const { json } = await admin.send("GET", `/keys/${before.kid}/reach`);
  expect(json.stranded.agents.map(({ id }: { id: string }) => id)).toContain(agentId);
  const fresh = await admin.send("POST", "/agent-tokens", { kind: "agent", agentId, reason: "it runs on" });
  expect(fresh.json.coverage).toMatchObject({ reached: 1 });
});

describe("walls", () => {
  test("nobody of another tenant deletes an agent, sees its tombstone or gets a token for it", async () => {
    const owner = await makeUser(cluster, admin, "umbrella-owner", [{ role: "tenant_owner", tenantId: umbrella.id }]);
    const installer = await makeUser(cluster, admin, "umbrella-i", [
      { role: "agent_installer", tenantId: umbrella.id },
    ]);
    const { agentId } = await newAgent("walled");
    expect((await owner.send("DELETE", `/agents/${agentId}`)).status).toBe(404);
    await admin.send("DELETE", `/agents/${agentId}`);
    expect((await owner.send("GET", `/agents/tombstones/${agentId}`)).status).toBe(404);
    expect((await owner.send("GET", `/agents/tombstones?tenantId=${acme.id}`)).status).toBe(404);
    expect((await owner.send("GET", "/agents/tombstones")).json.items).toEqual([]);
    expect((await owner.send("GET", `/agents/${agentId}/journal`)).status).toBe(404);
    const body = { kind: "agent", agentId, reason: "it runs on" };
    expect((await installer.send("POST", "/agent-tokens", body)).status).toBe(404);
    expect((await installer.send("GET", `/agents/${agentId}/agent-token`)).status).toBe(404);
  });

  test("an installer may not delete agents, and gets tokens for deleted ones of his tenant", async () => {
    const installer = await makeUser(cluster, admin, "acme-i", [{ role: "agent_installer", tenantId: acme.id }]);
    const { agentId } = await newAgent("installed");
    expect((await installer.send("DELETE", `/agents/${agentId}`)).json.code).toBe("permission_missing");
    await admin.send("DELETE", `/agents/${agentId}`);
    const body = { kind: "agent", agentId, reason: "it runs on" };
    expect((await installer.send("POST", "/agent-tokens", body)).status).toBe(201);
  });
});
