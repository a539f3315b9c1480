import { afterAll, beforeAll, expect, test } from "vitest";
import { enrol } from "../check-in/fake-agent.fixture.ts";
import {
  type Caller,
  caller,
  logInAsAdmin,
  makeUser,
  startTestCluster,
  type TestCluster,
} from "../test-cluster.fixture.ts";

let cluster: TestCluster;
let admin: Caller;
let body: object;

beforeAll(async () => {
  cluster = await startTestCluster({ env: { POSTERN_TOKENS_PER_MINUTE: "3" } });
  admin = await logInAsAdmin(cluster);
  const tenant = (await admin.send("POST", "/tenants", { name: "Acme" })).json;
  const { key } = (await admin.send("POST", "/activation-keys", { tenantId: tenant.id })).json;
  const agent = await enrol(cluster.url, key);
  body = { kind: "agent", agentId: agent.agentId, reason: "a test" };
});

afterAll(() => cluster.close());

test("who takes more agent tokens than a person needs has to wait, with each of his credentials, and nobody else", async () => {
  const roles = [{ role: "site_admin" as const, tenantId: null }];
  const olga = await makeUser(cluster, admin, "olga", roles);
  const bert = await makeUser(cluster, admin, "bert", roles);
  const { key } = (await olga.send("POST", "/api-keys", { name: "a key", roles })).json;
  const byKey = caller(cluster, { authorization: `Bearer ${key}` });

  const { id } = (await olga.send("POST", "/agent-tokens", body)).json;
  expect((await byKey.send("POST", "/agent-tokens", body)).status).toBe(201);
  expect((await olga.send("GET", `/agent-tokens/${id}`)).status).toBe(200);
  for (const [who, method, path, sent] of [
    [olga, "POST", "/agent-tokens", body],
    [byKey, "POST", "/agent-tokens", body],
    [olga, "GET", `/agent-tokens/${id}/download`, undefined],
  ] as const) {
    const refused = await who.send(method, path, sent);
    expect(refused.json).toMatchObject({ status: 429, code: "token_rate_limited" });
    expect(refused.json.detail).toMatch(/^You were given 3 agent tokens within a minute/);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  }
  expect((await bert.send("POST", "/agent-tokens", body)).status).toBe(201);
  const { items } = (await admin.send("GET", `/audit?whoId=${olga.id}&outcome=refused`)).json;
  expect(items[0]).toMatchObject({ action: "agent-token.download", why: "token_rate_limited" });

  cluster.advance(20_000);
  expect((await olga.send("POST", "/agent-tokens", body)).status).toBe(201);
  expect((await olga.send("POST", "/agent-tokens", body)).status).toBe(429);
});
