import { afterAll, expect, test } from "vitest";
import { enrol } from "../check-in/fake-agent.fixture.ts";
import { makeActivationKey, makeTenant } from "../check-in/scene.fixture.ts";
import { logInAsAdmin, makeUser, startTestCluster } from "../test-cluster.fixture.ts";
import { generate, makeTokenScene, reason } from "./token-scene.fixture.ts";

const minute = 60_000;
const { cluster, admin, acme, umbrella, agent, foreignAgent } = await makeTokenScene();
afterAll(() => cluster.close());

function forAgent(change: object = {}): object {
  return { kind: "agent", agentId: agent.agentId, ...change };
}

test.each([
  ["site_admin", "on-prem", { agent: 201, tenant: 201, cluster: 201 }],
  ["customer_support", "on-prem", { agent: 201, tenant: 201, cluster: 403 }],
  ["agent_installer", "on-prem", { agent: 201, tenant: 403, cluster: 403 }],
  ["tenant_owner", "on-prem", { agent: 403, tenant: 403, cluster: 403 }],
  ["auditor", "on-prem", { agent: 403, tenant: 403, cluster: 403 }],
] as const)("%s, %s: the API keeps to the rule", async (role, _, verdicts) => {
  const tenantId = role === "agent_installer" || role === "tenant_owner" ? acme.id : null;
  const who = await makeUser(cluster, admin, `${role} of the rule`, [{ role, tenantId }]);
  const { agentTokens } = (await who.send("GET", "/session")).json;
  const told = Object.entries(verdicts).flatMap(([kind, verdict]) => (verdict === 201 ? [kind] : []));
  expect(agentTokens.map(({ kind }: { kind: string }) => kind).sort()).toEqual(told.sort());
  const made = (await generate(admin, forAgent())).json;
  const wide = (await generate(admin, { kind: "tenant", tenantId: acme.id })).json;
  const targets = { agent: forAgent(), tenant: { kind: "tenant", tenantId: acme.id }, cluster: { kind: "cluster" } };
  for (const kind of ["agent", "tenant", "cluster"] as const) {
    expect((await generate(who, targets[kind])).status, kind).toBe(verdicts[kind]);
  }
  const mayHave = (verdict: number, token: string) => (verdict === 201 ? token : null);
  expect((await who.send("GET", `/agent-tokens/${made.id}`)).json.token).toBe(mayHave(verdicts.agent, made.token));
  expect((await who.send("GET", `/agent-tokens/${wide.id}`)).json.token).toBe(mayHave(verdicts.tenant, wide.token));
  const live = await who.send("GET", `/agents/${agent.agentId}/agent-token`);
  expect(live.status).toBe(verdicts.agent === 201 ? 200 : 403);
  expect((await who.send("DELETE", `/agent-tokens/${wide.id}`)).status).toBe(verdicts.tenant === 201 ? 204 : 403);
});

test("on saas a tenant owner generates tokens for his tenant and its agents", async () => {
  const saas = await startTestCluster({ deployment: "saas", timing: { holdMs: 0, pollMs: 1_000 } });
  const saasAdmin = await logInAsAdmin(saas);
  const tenant = await makeTenant(saasAdmin, "Customer");
  const customersAgent = await enrol(saas.url, await makeActivationKey(saasAdmin, tenant.id));
  const owner = await makeUser(saas, saasAdmin, "owner", [{ role: "tenant_owner", tenantId: tenant.id }]);
  expect((await generate(owner, { kind: "tenant", tenantId: tenant.id })).status).toBe(201);
  expect((await generate(owner, { kind: "agent", agentId: customersAgent.agentId })).status).toBe(201);
  expect((await generate(owner, { kind: "cluster" })).json).toMatchObject({ code: "role_may_not_generate" });
  await saas.close();
});

test("a refusal says what the role does allow, and stands in the audit log", async () => {
  const installer = await makeUser(cluster, admin, "installer", [{ role: "agent_installer", tenantId: acme.id }]);
  const tenant = await generate(installer, { kind: "tenant", tenantId: acme.id });
  expect(tenant.json).toMatchObject({
    status: 403,
    code: "role_may_not_generate",
    detail: "Your role may generate tokens for single agents, not for a tenant.",
  });
  const support = await makeUser(cluster, admin, "support", [{ role: "customer_support", tenantId: null }]);
  const wide = await generate(support, { kind: "cluster" });
  expect(wide.json.detail).toBe(
    "Your role may generate tokens for single agents and for any tenant, not for the cluster.",
  );
  const { id } = (await generate(admin, { kind: "tenant", tenantId: acme.id })).json;
  expect((await installer.send("GET", `/agent-tokens/${id}/download`)).json).toMatchObject({
    status: 403,
    code: "role_may_not_retrieve",
    detail: "Your role may see tokens for single agents, not for a tenant.",
  });
  const { json } = await admin.send("GET", "/audit?action=agent-token.generate&outcome=refused&limit=2");
  expect(json.items).toMatchObject([
    { why: "role_may_not_generate", who: { name: "support" }, tenantId: null, details: { reason } },
    { why: "role_may_not_generate", who: { name: "installer" }, tenantId: acme.id },
  ]);
});

test("another tenant's agents and tokens are not there", async () => {
  const who = await makeUser(cluster, admin, "umbrella's", [{ role: "agent_installer", tenantId: umbrella.id }]);
  const { id } = (await generate(admin, forAgent())).json;
  const wide = (await generate(admin, { kind: "cluster" })).json;
  const answers = [
    await generate(who, forAgent()),
    await generate(who, { kind: "tenant", tenantId: acme.id }),
    await generate(who, { kind: "agent", agentId: foreignAgent.agentId, tenantId: acme.id }),
    await who.send("GET", `/agent-tokens/${id}`),
    await who.send("GET", `/agent-tokens/${id}/download`),
    await who.send("DELETE", `/agent-tokens/${id}`),
    await who.send("GET", `/agent-tokens/${wide.id}`),
    await who.send("DELETE", `/agent-tokens/${wide.id}`),
    await who.send("GET", `/agents/${agent.agentId}/agent-token`),
    await who.send("GET", `/agents/${agent.agentId}`),
    await who.send("GET", `/agents/${agent.agentId}/config`),
    await who.send("GET", `/agents/${agent.agentId}/journal`),
    await who.send("GET", `/agents?tenantId=${acme.id}`),
    await who.send("GET", `/agent-tokens?tenantId=${acme.id}`),
  ];
  for (const [index, { json }] of answers.entries()) expect(json, String(index)).toMatchObject({ code: "not_found" });
  const tokens = (await who.send("GET", "/agent-tokens?limit=500")).json.items;
  expect(tokens.every((token: { tenant: { id: string } }) => token.tenant?.id === umbrella.id)).toBe(true);
  const agents = (await who.send("GET", "/agents")).json.items;
  expect(agents.map((one: { id: string }) => one.id)).toEqual([foreignAgent.agentId]);
});

test("wide tokens need the password given in the last 15 minutes; one for an agent does not", async () => {
  const support = await makeUser(cluster, admin, "patient", [{ role: "customer_support", tenantId: null }]);
  cluster.advance(16 * minute);
  const wide = await generate(support, { kind: "tenant", tenantId: acme.id });
  const narrow = await generate(support, forAgent());
  cluster.advance(-16 * minute);
  expect(wide.json).toMatchObject({ status: 403, code: "reauthentication_required" });
  expect(narrow.status).toBe(201);
});

test("a token is not shown to another site's page that sends the cookie along", async () => {
  const { id } = (await generate(admin, forAgent())).json;
  for (const path of [`/agent-tokens/${id}`, `/agent-tokens/${id}/download`, `/agents/${agent.agentId}/agent-token`]) {
    const answer = await admin.send("GET", path, undefined, { "sec-fetch-site": "cross-site" });
    expect(answer.json, path).toMatchObject({ status: 403, code: "csrf_refused" });
  }
});
