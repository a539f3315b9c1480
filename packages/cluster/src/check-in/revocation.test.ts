import { afterAll, beforeAll, expect, test } from "vitest";
import { type Caller, logInAsAdmin, startTestCluster, type TestCluster } from "../test-cluster.fixture.ts";
import { type Exchange, enrol, type FakeAgent } from "./fake-agent.fixture.ts";
import { makeActivationKey, makeTenant, type TestTenant } from "./scene.fixture.ts";

let cluster: TestCluster;
let admin: Caller;
let acme: TestTenant;
let umbrella: TestTenant;

beforeAll(async () => {
  cluster = await startTestCluster({ timing: { holdMs: 500, pollMs: 0 } });
  admin = await logInAsAdmin(cluster);
  acme = await makeTenant(admin, "Acme");
  umbrella = await makeTenant(admin, "Umbrella");
});

afterAll(() => cluster.close());

async function newAgent(tenant: TestTenant): Promise<FakeAgent> {
  return enrol(cluster.url, await makeActivationKey(admin, tenant.id));
}

async function generate(target: object): Promise<string> {
  const { json } = await admin.send("POST", "/agent-tokens", { reason: "to be revoked", ...target });
  return json.id;
}

/** The check-in, and whether it was answered before its hold was over. */
async function timed(checkIn: Promise<Exchange>): Promise<{ revoked: readonly string[] | undefined; early: boolean }> {
  const began = performance.now();
  const { answer } = await checkIn;
  return { revoked: answer?.revoked, early: performance.now() - began < 400 };
}

test("a revocation reaches a held agent at once, and again with every answer until the token would expire", async () => {
  const agent = await newAgent(acme);
  const id = await generate({ kind: "agent", agentId: agent.agentId });
  const held = timed(agent.checkIn());
  await new Promise((resolve) => setTimeout(resolve, 100));
  await admin.send("DELETE", `/agent-tokens/${id}`);
  expect(await held).toEqual({ revoked: [id], early: true });
  expect(await timed(agent.checkIn())).toEqual({ revoked: [id], early: false });
  cluster.advance(15 * 60_000);
  const after = await agent.checkIn();
  cluster.advance(-15 * 60_000);
  expect(after.answer?.revoked).toEqual([]);
});

test("a revocation made while the agent was away is told at its next check-in, at once", async () => {
  const agent = await newAgent(acme);
  const id = await generate({ kind: "agent", agentId: agent.agentId });
  await admin.send("DELETE", `/agent-tokens/${id}`);
  expect(await timed(agent.checkIn())).toEqual({ revoked: [id], early: true });
});

test("of a revoked token for a tenant its agents hear, and no others; of one for the cluster all", async () => {
  const [own, other] = [await newAgent(acme), await newAgent(umbrella)];
  const id = await generate({ kind: "tenant", tenantId: acme.id });
  const held = [timed(own.checkIn()), timed(other.checkIn())];
  await new Promise((resolve) => setTimeout(resolve, 100));
  await admin.send("DELETE", `/agent-tokens/${id}`);
  expect(await Promise.all(held)).toEqual([
    { revoked: expect.arrayContaining([id]), early: true },
    { revoked: [], early: false },
  ]);

  const wide = await generate({ kind: "cluster" });
  const again = [timed(own.checkIn()), timed(other.checkIn())];
  await new Promise((resolve) => setTimeout(resolve, 100));
  await admin.send("DELETE", `/agent-tokens/${wide}`);
  for (const { revoked, early } of await Promise.all(again)) {
    expect(revoked).toContain(wide);
    expect(early).toBe(true);
  }
});

test("another agent of the tenant does not hear of a token that was not for it", async () => {
  const [agent, neighbour] = [await newAgent(acme), await newAgent(acme)];
  const id = await generate({ kind: "agent", agentId: agent.agentId });
  await admin.send("DELETE", `/agent-tokens/${id}`);
  expect((await neighbour.checkIn()).answer?.revoked).not.toContain(id);
});
