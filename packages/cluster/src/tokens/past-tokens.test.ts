import { afterAll, expect, test } from "vitest";
import { makeUser } from "../test-cluster.fixture.ts";
import { generate, makeTokenScene } from "./token-scene.fixture.ts";

const { cluster, admin, acme, agent, foreignAgent } = await makeTokenScene();
afterAll(() => cluster.close());

async function idsOf(query: string, who = admin): Promise<string[]> {
  return (await who.send("GET", `/agent-tokens?${query}`)).json.items.map(({ id }: { id: string }) => id);
}

async function newToken(who = admin): Promise<string> {
  return (await generate(who, { kind: "agent", agentId: agent.agentId })).json.id;
}

test("live and past tokens are found by what became of them, by who made them, by their id and by time", async () => {
  const support = await makeUser(cluster, admin, "sue", [{ role: "customer_support", tenantId: null }]);
  const old = await newToken();
  cluster.advance(16 * 60_000);
  const between = new Date(cluster.now()).toISOString();
  cluster.advance(1_000);
  const [live, revoked] = [await newToken(), await newToken(support)];
  await admin.send("DELETE", `/agent-tokens/${revoked}`);
  expect(await idsOf("state=live")).toEqual([live]);
  expect(await idsOf("state=expired")).toEqual([old]);
  expect(await idsOf("state=revoked")).toEqual([revoked]);
  expect(await idsOf(`issuedById=${support.id}`)).toEqual([revoked]);
  expect(await idsOf(`id=${old}`)).toEqual([old]);
  expect(await idsOf(`since=${between}&sort=issuedAt`)).toEqual([live, revoked]);
  expect(await idsOf(`until=${between}`)).toEqual([old]);
});

test("tokens that were redeemed, with the agents and whether their lift runs", async () => {
  const [redeemed, unused] = [await newToken(), await newToken()];
  agent.journal("redeemed", { jti: redeemed });
  await agent.checkIn({ protection: { state: "lifted", since: 1, jti: redeemed, budgetLeft: 60, layers: {} } });
  // What somebody else claims does not count.
  foreignAgent.journal("redeemed", { jti: unused });
  await foreignAgent.checkIn();
  expect(await idsOf("redeemed=true")).toEqual([redeemed]);
  expect(await idsOf("redeemed=false")).toContain(unused);
  const detail = async () => (await admin.send("GET", `/agent-tokens/${redeemed}`)).json;
  expect(await detail()).toMatchObject({
    redemptionCount: 1,
    redemptions: [{ agent: { id: agent.agentId, hostName: "db-07" }, lift: "running" }],
  });
  await agent.checkIn();
  expect(await detail()).toMatchObject({ redemptionCount: 1, redemptions: [{ lift: "over" }] });
  expect((await admin.send("GET", `/agent-tokens/${unused}`)).json).toMatchObject({
    redemptionCount: 0,
    redemptions: [],
  });
});

test("another tenant's people find none of them", async () => {
  const owner = await makeUser(cluster, admin, "otto", [{ role: "auditor", tenantId: foreignAgent.tenantId }]);
  const id = await newToken();
  expect(await idsOf(`id=${id}`, owner)).toEqual([]);
  expect(await idsOf("redeemed=true", owner)).toEqual([]);
  expect((await owner.send("GET", `/agent-tokens?id=${id}&tenantId=${acme.id}`)).json.code).toBe("not_found");
});
