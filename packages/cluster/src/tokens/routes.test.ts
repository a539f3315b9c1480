import { challengeRandomBytes, encodeChallenge, groupChallenge, toUnixSeconds, verify } from "@postern/token";
import { afterAll, beforeAll, expect, test } from "vitest";
import { enrol, type FakeAgent } from "../check-in/fake-agent.fixture.ts";
import {
  alterDatabase,
  breakCommits,
  makeActivationKey,
  makeTenant,
  mendCommits,
  queryDatabase,
  type TestTenant,
} from "../check-in/scene.fixture.ts";
import {
  type Caller,
  logInAsAdmin,
  makeUser,
  startTestCluster,
  type TestAnswer,
  type TestCluster,
} from "../test-cluster.fixture.ts";

const reason = "disk full, agent must stop";
const minute = 60_000;

let cluster: TestCluster;
let admin: Caller;
let acme: TestTenant;
let umbrella: TestTenant;
let agent: FakeAgent;
let foreignAgent: FakeAgent;
let linuxAgent: FakeAgent;

beforeAll(async () => {
  cluster = await startTestCluster({ timing: { holdMs: 0, pollMs: 1_000 } });
  admin = await logInAsAdmin(cluster);
  acme = await makeTenant(admin, "Acme & Söhne");
  umbrella = await makeTenant(admin, "Umbrella");
  await admin.send("PATCH", `/profiles/${acme.profileId}`, { serviceProtection: { liftSeconds: 1_234 } });
  const key = await makeActivationKey(admin, acme.id);
  agent = await enrol(cluster.url, key, { hostName: "db-07" });
  linuxAgent = await enrol(cluster.url, key, { hostName: "web-01", platform: "linux" });
  foreignAgent = await enrol(cluster.url, await makeActivationKey(admin, umbrella.id), { hostName: "um-1" });
  await agent.checkIn();
  await foreignAgent.checkIn();
});

afterAll(() => cluster.close());

function generate(who: Caller, target: object, headers: Record<string, string> = {}): Promise<TestAnswer> {
  return who.send("POST", "/agent-tokens", { reason, ...target }, headers);
}

function forAgent(change: object = {}): object {
  return { kind: "agent", agentId: agent.agentId, ...change };
}

/** What the agent says of a token, with nothing but what it knows by itself. */
function verifyAs(by: FakeAgent, token: string, challenge?: string) {
  return verify(token, {
    tokenKeys: by.bundle.tokenKeys,
    clusterId: by.bundle.clusterId,
    tenantId: by.tenantId,
    agentId: by.agentId,
    now: toUnixSeconds(cluster.now()),
    ...(challenge !== undefined && { challenge }),
  });
}

function download(id: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${cluster.url}/api/v1/agent-tokens/${id}/download`, { headers });
}

async function auditOf(id: string): Promise<{ action: string; outcome: string; why: string | null }[]> {
  return (await admin.send("GET", `/audit?targetId=${id}&sort=at`)).json.items;
}

test("a token for one agent is accepted by this agent and no other", async () => {
  const { status, json } = await generate(admin, forAgent({ ticket: "INC-1" }));
  expect(status).toBe(201);
  expect(json).toEqual({
    id: expect.any(String),
    kind: "agent",
    token: expect.any(String),
    issuedAt: expect.any(String),
    expiresAt: expect.any(String),
    coverage: { agents: 1, reached: 1, notReached: [] },
  });
  expect(verifyAs(agent, json.token)).toMatchObject({ jti: json.id, aud: `agent:${agent.agentId}`, lift: 1_234 });
  expect(Date.parse(json.expiresAt) - Date.parse(json.issuedAt)).toBe(15 * minute);
  expect(() => verifyAs(foreignAgent, json.token)).toThrow(expect.objectContaining({ reason: "wrong_agent" }));
});

test("a token for a tenant is accepted by its agents only, one for the cluster by all", async () => {
  const tenantToken = (await generate(admin, { kind: "tenant", tenantId: acme.id })).json;
  expect(verifyAs(agent, tenantToken.token)).toMatchObject({ lift: 14_400 });
  expect(() => verifyAs(foreignAgent, tenantToken.token)).toThrow(expect.objectContaining({ reason: "wrong_tenant" }));
  expect(tenantToken.coverage).toEqual({ agents: 1, reached: 1, notReached: [] });

  const clusterToken = (await generate(admin, { kind: "cluster" })).json;
  expect(verifyAs(agent, clusterToken.token).aud).toBe("cluster");
  expect(verifyAs(foreignAgent, clusterToken.token).aud).toBe("cluster");
  expect(clusterToken.coverage).toMatchObject({ agents: 2, reached: 2 });
});

test("coverage says whom a token does not reach, and why", async () => {
  const tenant = await makeTenant(admin, "Partly covered");
  const key = await makeActivationKey(admin, tenant.id);
  const [first] = [await enrol(cluster.url, key), await enrol(cluster.url, key)];
  await first.checkIn();
  const target = { kind: "tenant", tenantId: tenant.id };
  expect((await generate(admin, target)).json.coverage).toEqual({
    agents: 2,
    reached: 1,
    notReached: [{ reason: "key_not_acknowledged", count: 1 }],
  });
  await admin.send("PATCH", `/profiles/${tenant.profileId}`, { serviceProtection: { requireChallenge: true } });
  expect((await generate(admin, target)).json.coverage.notReached).toEqual([
    { reason: "key_not_acknowledged", count: 1 },
    { reason: "challenge_required", count: 1 },
  ]);
});

test("the token itself stands neither in the database nor in the log", async () => {
  const { json } = await generate(admin, forAgent());
  const signature = json.token.split(".")[2];
  const tables = queryDatabase(cluster, "select name from sqlite_schema where type = 'table'");
  for (const { name } of tables) {
    expect(JSON.stringify(queryDatabase(cluster, `select * from "${name}"`)), String(name)).not.toContain(signature);
  }
  expect(cluster.log()).not.toContain(signature);
});

test("no token leaves whose audit entry is not on disk", async () => {
  const count = () => queryDatabase(cluster, "select count(*) as n from agent_token")[0]?.["n"];
  const before = count();
  breakCommits(cluster);
  const failed = await generate(admin, forAgent());
  mendCommits(cluster);
  expect(failed.json).toMatchObject({ status: 500, code: "internal" });
  expect(JSON.stringify(failed.json)).not.toContain("eyJ");
  expect(count()).toBe(before);
});

test("no token is shown or downloaded whose audit entry is not on disk", async () => {
  const { id } = (await generate(admin, forAgent())).json;
  breakCommits(cluster);
  const answers = [
    await admin.send("GET", `/agent-tokens/${id}`),
    await admin.send("GET", `/agent-tokens/${id}/download`),
    await admin.send("GET", `/agents/${agent.agentId}/agent-token`),
  ];
  mendCommits(cluster);
  for (const { json } of answers) expect(json).toMatchObject({ status: 500, code: "internal" });
});

test("a token can be seen and downloaded again, byte for byte, and each time it is entered", async () => {
  const made = (await generate(admin, forAgent({ ticket: "INC-2" }))).json;
  const shown = await admin.send("GET", `/agent-tokens/${made.id}`);
  expect(shown.json).toMatchObject({
    token: made.token,
    kind: "agent",
    state: "live",
    tenant: { id: acme.id, name: acme.name },
    agent: { id: agent.agentId, hostName: "db-07" },
    issuedBy: { name: "admin" },
    reason,
    ticket: "INC-2",
    redemptions: [],
  });
  expect(shown.headers.get("cache-control")).toBe("no-store");
  expect((await admin.send("GET", `/agents/${agent.agentId}/agent-token`)).json.token).toBe(made.token);

  const key = (
    await admin.send("POST", "/api-keys", { name: "script", roles: [{ role: "site_admin", tenantId: null }] })
  ).json;
  const file = await download(made.id, { authorization: `Bearer ${key.key}` });
  expect(await file.text()).toBe(`${made.token}\n`);
  expect(file.headers.get("content-type")).toMatch(/^text\/plain/);
  expect(file.headers.get("content-encoding")).toBeNull();
  const expiry = made.expiresAt.slice(0, 16).replaceAll(/[-:]/g, "");
  const name = `agent-token-agent-db-07-${expiry}Z.txt`;
  expect(file.headers.get("content-disposition")).toBe(`attachment; filename="${name}"`);

  expect((await auditOf(made.id)).map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
    "agent-token.generate done",
    "agent-token.retrieve done",
    "agent-token.retrieve done",
    "agent-token.download done",
  ]);
});

test("an expired token is not shown any more, and nothing is live", async () => {
  const { id } = (await generate(admin, { kind: "agent", agentId: foreignAgent.agentId })).json;
  cluster.advance(15 * minute);
  const shown = await admin.send("GET", `/agent-tokens/${id}`);
  const downloaded = await admin.send("GET", `/agent-tokens/${id}/download`);
  const live = await admin.send("GET", `/agents/${foreignAgent.agentId}/agent-token`);
  cluster.advance(-15 * minute);
  expect(shown.json).toMatchObject({ state: "expired", token: null });
  expect(downloaded.json).toMatchObject({ status: 409, code: "token_not_live" });
  expect(live.json).toMatchObject({ status: 404, code: "token_none_live", detail: "um-1 has no live agent token." });
});

// What somebody with the database in his hands could change; `other` is the id of a token for the whole cluster.
test.each([
  ["the audience in the claims", "set claims = replace(claims, 'agent:', 'tenant:')"],
  ["the lift in the claims", "set claims = replace(claims, '\"lift\":1234', '\"lift\":86400')"],
  ["the time in the claims", "set claims = replace(claims, '\"iat\":1', '\"iat\":2')"],
  ["the claims as a whole", "set claims = '{}'"],
  ["the claims, to no JSON", "set claims = 'x'"],
  ["the claims, to those of another token", "set claims = (select claims from agent_token where id = 'other')"],
  [
    "claims and digest, to those of another token",
    "set claims = (select claims from agent_token where id = 'other'), token_sha256 = (select token_sha256 from agent_token where id = 'other')",
  ],
  ["the digest", "set token_sha256 = (select token_sha256 from agent_token where id = 'other')"],
  ["the key, to one that signs something else", "set kid = (select kid from signing_key where use = 'config')"],
  ["the agent, to show it to other people", "set agent_id = 'foreign', tenant_id = 'umbrella'"],
  ["the kind", "set kind = 'tenant', agent_id = null"],
  ["the end", "set expires_at = expires_at + 60000"],
])("a record in which somebody changed %s gives no token", async (_, change) => {
  const { id, token } = (await generate(admin, forAgent())).json;
  const other = (await generate(admin, { kind: "cluster" })).json;
  const sql = change
    .replaceAll("'other'", `'${other.id}'`)
    .replaceAll("'foreign'", `'${foreignAgent.agentId}'`)
    .replaceAll("'umbrella'", `'${umbrella.id}'`);
  alterDatabase(cluster, `update agent_token ${sql} where id = '${id}'`);
  for (const path of [`/agent-tokens/${id}`, `/agent-tokens/${id}/download`]) {
    const { json } = await admin.send("GET", path);
    expect(json).toMatchObject({ status: 500 });
    expect(JSON.stringify(json)).not.toMatch(new RegExp(`${token.split(".")[2]}|${other.token.split(".")[2]}`));
  }
  const entries = await auditOf(id);
  expect(entries).toContainEqual(expect.objectContaining({ outcome: "failed", why: "token_record_altered" }));
});

test.each([
  ["site_admin", "on-prem", { agent: 201, tenant: 201, cluster: 201 }],
  ["customer_support", "on-prem", { agent: 201, tenant: 201, cluster: 403 }],
  ["agent_installer", "on-prem", { agent: 201, tenant: 403, cluster: 403 }],
  ["tenant_owner", "on-prem", { agent: 403, tenant: 403, cluster: 403 }],
  ["auditor", "on-prem", { agent: 403, tenant: 403, cluster: 403 }],
] as const)("%s, %s: the API keeps to the rule", async (role, _, verdicts) => {
  const tenantId = role === "agent_installer" || role === "tenant_owner" ? acme.id : null;
  const who = await makeUser(cluster, admin, `${role} of the rule`, [{ role, tenantId }]);
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
  expect(wide.json.detail).toBe("Your role may generate tokens for single agents and a tenant, not for the cluster.");
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

test("agents on other platforms have no tokens", async () => {
  const { json } = await generate(admin, { kind: "agent", agentId: linuxAgent.agentId });
  expect(json).toMatchObject({
    status: 422,
    code: "token_platform_unsupported",
    detail: "web-01 runs Linux; agent tokens exist for Windows agents only.",
  });
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

test("the same request with the same Idempotency-Key gives the same token", async () => {
  const key = { "idempotency-key": "try-1" };
  const [first, second] = [await generate(admin, forAgent(), key), await generate(admin, forAgent(), key)];
  expect(second.status).toBe(201);
  expect(second.json).toEqual(first.json);
  const other = await generate(admin, forAgent({ ticket: "INC-3" }), key);
  expect(other.json).toMatchObject({ status: 422, code: "idempotency_key_reused" });
  const somebody = await makeUser(cluster, admin, "somebody", [{ role: "site_admin", tenantId: null }]);
  const theirs = await generate(somebody, forAgent(), key);
  expect(theirs.status).toBe(201);
  expect(theirs.json.id).not.toBe(first.json.id);
});

test("of the same requests sent at once, all get one token", async () => {
  const key = { "idempotency-key": "try-2" };
  const answers = await Promise.all(Array.from({ length: 6 }, () => generate(admin, forAgent(), key)));
  expect(new Set(answers.map(({ status, json }) => `${status} ${json.token}`)).size).toBe(1);
  expect((await auditOf(answers[0]?.json.id)).filter(({ action }) => action === "agent-token.generate")).toHaveLength(
    1,
  );
});

test("an Idempotency-Key is forgotten after a day, and gives no dead token before", async () => {
  const key = { "idempotency-key": "try-3" };
  const first = (await generate(admin, forAgent(), key)).json;
  cluster.advance(20 * minute);
  const fresh = await logInAsAdmin(cluster);
  const late = await generate(fresh, forAgent(), key);
  cluster.advance(24 * 60 * minute);
  const nextDay = await generate(await logInAsAdmin(cluster), forAgent(), key);
  cluster.advance(-24 * 60 * minute - 20 * minute);
  admin = await logInAsAdmin(cluster); // the log-in of a day ago is over
  expect(late.json).toMatchObject({ status: 409, code: "token_not_live" });
  expect(nextDay.status).toBe(201);
  expect(nextDay.json.id).not.toBe(first.id);
});

test("an Idempotency-Key that is none is refused", async () => {
  for (const bad of ["with space", "x".repeat(201)]) {
    expect((await generate(admin, forAgent(), { "idempotency-key": bad })).json).toMatchObject({ status: 400 });
  }
});

test("a challenge is bound in, and a mistyped one is refused before a token is made in vain", async () => {
  const challenge = encodeChallenge(new Uint8Array(challengeRandomBytes).fill(7));
  const { json } = await generate(admin, forAgent({ challenge: groupChallenge(challenge).toLowerCase() }));
  expect(verifyAs(agent, json.token, challenge)).toMatchObject({ chg: challenge });
  expect(() => verifyAs(agent, json.token)).toThrow(expect.objectContaining({ reason: "challenge_mismatch" }));
  const typo = `${challenge.slice(0, 15)}${challenge.endsWith("0") ? "1" : "0"}`;
  expect((await generate(admin, forAgent({ challenge: typo }))).json).toMatchObject({ code: "challenge_mistyped" });
  const wide = await generate(admin, { kind: "tenant", tenantId: acme.id, challenge });
  expect(wide.json).toMatchObject({ status: 422, code: "challenge_agent_only" });
});

test.each([
  [{ kind: "agent" }, "/agentId"],
  [{ kind: "tenant" }, "/tenantId"],
  [{ kind: "cluster", tenantId: "0193f0a0-0000-7000-8000-000000000001" }, "/tenantId"],
  [
    {
      kind: "tenant",
      tenantId: "0193f0a0-0000-7000-8000-000000000001",
      agentId: "0193f0a0-0000-7000-8000-000000000001",
    },
    "/agentId",
  ],
  [{ kind: "fleet" }, "/kind"],
  [{ kind: "cluster", reason: "no" }, "/reason"],
  [{ kind: "cluster", reason: "   \n  " }, "/reason"],
  [{ kind: "cluster", reason: "x".repeat(501) }, "/reason"],
  [{ kind: "cluster", reason: undefined }, "/reason"],
  [{ kind: "cluster", ticket: "" }, "/ticket"],
  [{ kind: "cluster", liftSeconds: 5 }, "/liftSeconds"],
])("refuses %j and says where", async (body, pointer) => {
  const { json } = await generate(admin, body);
  expect(json).toMatchObject({ status: 400, code: "validation_failed" });
  expect(json.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
});

test("a token is not shown to another site's page that sends the cookie along", async () => {
  const { id } = (await generate(admin, forAgent())).json;
  for (const path of [`/agent-tokens/${id}`, `/agent-tokens/${id}/download`, `/agents/${agent.agentId}/agent-token`]) {
    const answer = await admin.send("GET", path, undefined, { "sec-fetch-site": "cross-site" });
    expect(answer.json, path).toMatchObject({ status: 403, code: "csrf_refused" });
  }
});

test("a revoked token is shown no more and listed as revoked; revoking twice is one revocation", async () => {
  const { id } = (await generate(admin, forAgent())).json;
  expect((await admin.send("DELETE", `/agent-tokens/${id}`)).status).toBe(204);
  expect((await admin.send("DELETE", `/agent-tokens/${id}`)).status).toBe(204);
  expect((await admin.send("GET", `/agent-tokens/${id}`)).json).toMatchObject({
    state: "revoked",
    revokedBy: "admin",
    token: null,
  });
  expect((await admin.send("GET", `/agent-tokens/${id}/download`)).json).toMatchObject({ code: "token_not_live" });
  const listed = (await admin.send("GET", `/agent-tokens?state=revoked&agentId=${agent.agentId}`)).json.items;
  expect(listed).toMatchObject([{ id, redemptionCount: 0 }]);
  expect((await auditOf(id)).filter(({ action }) => action === "agent-token.revoke")).toHaveLength(1);
});

test("lists are paged, and a cursor belongs to its list", async () => {
  for (let i = 0; i < 3; i++) await generate(admin, { kind: "agent", agentId: foreignAgent.agentId });
  const path = `/agent-tokens?agentId=${foreignAgent.agentId}&limit=2`;
  const first = (await admin.send("GET", path)).json;
  const second = (await admin.send("GET", `${path}&cursor=${first.nextCursor}`)).json;
  const ids = [...first.items, ...second.items].map((item: { id: string }) => item.id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toEqual([...ids].sort().reverse());
  const other = await admin.send("GET", `/agent-tokens?limit=2&cursor=${first.nextCursor}`);
  expect(other.json).toMatchObject({ status: 400, code: "cursor_invalid" });
});
