import { challengeRandomBytes, encodeChallenge, groupChallenge } from "@postern/token";
import { afterAll, expect, test } from "vitest";
import { enrol } from "../check-in/fake-agent.fixture.ts";
import { breakCommits, makeActivationKey, makeTenant, mendCommits } from "../check-in/scene.fixture.ts";
import { auditOf, generate, makeTokenScene, reason, verifyAs } from "./token-scene.fixture.ts";

const minute = 60_000;
const { cluster, admin, acme, agent, foreignAgent, linuxAgent } = await makeTokenScene();
afterAll(() => cluster.close());

function forAgent(change: object = {}): object {
  return { kind: "agent", agentId: agent.agentId, ...change };
}

function download(id: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${cluster.url}/api/v1/agent-tokens/${id}/download`, { headers });
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
  expect(verifyAs(cluster, agent, json.token)).toMatchObject({
    jti: json.id,
    aud: `agent:${agent.agentId}`,
    lift: 1_234,
  });
  expect(Date.parse(json.expiresAt) - Date.parse(json.issuedAt)).toBe(15 * minute);
  expect(() => verifyAs(cluster, foreignAgent, json.token)).toThrow(expect.objectContaining({ reason: "wrong_agent" }));
});

test("a token for a tenant is accepted by its agents only, one for the cluster by all", async () => {
  const tenantToken = (await generate(admin, { kind: "tenant", tenantId: acme.id })).json;
  expect(verifyAs(cluster, agent, tenantToken.token)).toMatchObject({ lift: 14_400 });
  expect(() => verifyAs(cluster, foreignAgent, tenantToken.token)).toThrow(
    expect.objectContaining({ reason: "wrong_tenant" }),
  );
  expect(tenantToken.coverage).toEqual({ agents: 1, reached: 1, notReached: [] });

  const clusterToken = (await generate(admin, { kind: "cluster" })).json;
  expect(verifyAs(cluster, agent, clusterToken.token).aud).toBe("cluster");
  expect(verifyAs(cluster, foreignAgent, clusterToken.token).aud).toBe("cluster");
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
  for (const table of await cluster.database.tables()) {
    const rows = await cluster.database.query(`select * from "${table}"`);
    expect(JSON.stringify(rows), table).not.toContain(signature);
  }
  expect(cluster.log()).not.toContain(signature);
});

test("no token leaves whose audit entry is not on disk", async () => {
  const count = async () => (await cluster.database.query("select count(*) as n from agent_token"))[0]?.["n"];
  const before = await count();
  await breakCommits(cluster);
  const failed = await generate(admin, forAgent());
  await mendCommits(cluster);
  expect(failed.json).toMatchObject({ status: 500, code: "internal" });
  expect(JSON.stringify(failed.json)).not.toContain("eyJ");
  expect(await count()).toBe(before);
});

test("no token is shown or downloaded whose audit entry is not on disk", async () => {
  const { id } = (await generate(admin, forAgent())).json;
  await breakCommits(cluster);
  const answers = [
    await admin.send("GET", `/agent-tokens/${id}`),
    await admin.send("GET", `/agent-tokens/${id}/download`),
    await admin.send("GET", `/agents/${agent.agentId}/agent-token`),
  ];
  await mendCommits(cluster);
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

  expect((await auditOf(admin, made.id)).map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
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

test("agents on other platforms have no tokens", async () => {
  const { json } = await generate(admin, { kind: "agent", agentId: linuxAgent.agentId });
  expect(json).toMatchObject({
    status: 422,
    code: "token_platform_unsupported",
    detail: "web-01 runs Linux; agent tokens exist for Windows agents only.",
  });
});

test("a challenge is bound in, and a mistyped one is refused before a token is made in vain", async () => {
  const challenge = encodeChallenge(new Uint8Array(challengeRandomBytes).fill(7));
  const { json } = await generate(admin, forAgent({ challenge: groupChallenge(challenge).toLowerCase() }));
  expect(verifyAs(cluster, agent, json.token, challenge)).toMatchObject({ chg: challenge });
  expect(() => verifyAs(cluster, agent, json.token)).toThrow(expect.objectContaining({ reason: "challenge_mismatch" }));
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
  expect((await auditOf(admin, id)).filter(({ action }) => action === "agent-token.revoke")).toHaveLength(1);
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
