import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { enrol } from "./check-in/fake-agent.fixture.ts";
import { breakCommits, makeActivationKey, makeTenant, mendCommits, type TestTenant } from "./check-in/scene.fixture.ts";
import { type Caller, logInAsAdmin, makeUser, startTestCluster, type TestCluster } from "./test-cluster.fixture.ts";

let cluster: TestCluster;
let admin: Caller;
let acme: TestTenant;

beforeAll(async () => {
  cluster = await startTestCluster({ timing: { holdMs: 2_000, pollMs: 1_000 } });
  admin = await logInAsAdmin(cluster);
  acme = await makeTenant(admin, "Acme");
});

afterAll(() => cluster.close());

async function makeKey(who: Caller, role: string, tenantId: string | null = null): Promise<string> {
  const made = await who.send("POST", "/api-keys", { name: `of ${role}`, roles: [{ role, tenantId }], validDays: 30 });
  if (made.status !== 201) throw new Error(`making an API key answered ${JSON.stringify(made.json)}`);
  return made.json.key;
}

async function scrape(key?: string) {
  const answer = await fetch(`${cluster.url}/metrics`, {
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
  });
  return { status: answer.status, type: answer.headers.get("content-type"), text: await answer.text() };
}

/** The value of one series, by its name and labels as they stand there. */
function figureIn(text: string, series: string): number | undefined {
  const line = text.split("\n").find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

test("figures are for whoever may read all tenants, from loopback too", async () => {
  expect((await scrape()).status).toBe(401);
  expect((await scrape(await makeKey(admin, "auditor"))).status).toBe(200);
  expect((await scrape(await makeKey(admin, "auditor", acme.id))).status).toBe(403);
  expect((await scrape(await makeKey(admin, "agent_installer", acme.id))).status).toBe(403);
});

test("agents, held check-ins, alarms and tokens are counted", async () => {
  const key = await makeKey(admin, "customer_support");
  const before = await scrape(key);
  expect(before.type).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(figureIn(before.text, 'postern_agents{state="active"}')).toBe(0);
  expect(figureIn(before.text, 'postern_agent_tokens_issued_total{kind="agent"}')).toBe(0);
  expect(figureIn(before.text, 'postern_alarms{kind="redemption_never_issued",severity="problem",state="open"}')).toBe(
    0,
  );

  cluster.advance(2_000); // counts may be a second old
  const agent = await enrol(cluster.url, await makeActivationKey(admin, acme.id), { hostName: "db-07" });
  await agent.checkIn();
  const generated = await admin.send("POST", "/agent-tokens", {
    kind: "agent",
    agentId: agent.agentId,
    reason: "to be counted",
  });
  agent.journal("redeemed", { jti: generated.json.id, kind: "agent" });
  agent.journal("redeemed", { jti: "01a20cba-5d10-7c2e-9b41-000004e90e57", kind: "agent" });
  await agent.checkIn();
  const held = agent.checkIn();
  await vi.waitFor(async () => {
    expect(figureIn((await scrape(key)).text, "postern_held_check_ins")).toBe(1);
  });
  await held;

  const { text } = await scrape(key);
  expect(figureIn(text, "postern_held_check_ins")).toBe(0);
  expect(figureIn(text, 'postern_agents{state="active"}')).toBe(1);
  expect(figureIn(text, 'postern_agents_by_platform{platform="windows"}')).toBe(1);
  expect(figureIn(text, 'postern_agent_tokens_issued_total{kind="agent"}')).toBe(1);
  expect(figureIn(text, 'postern_agent_tokens_redeemed_total{verdict="issued"}')).toBe(1);
  expect(figureIn(text, 'postern_agent_tokens_redeemed_total{verdict="unknown"}')).toBe(1);
  expect(figureIn(text, 'postern_alarms{kind="redemption_never_issued",severity="problem",state="open"}')).toBe(1);
  expect(figureIn(text, 'postern_build_info{version="0.0.0"}')).toBe(1);
  expect(figureIn(text, "process_resident_memory_bytes")).toBeGreaterThan(1e6);
});

test("requests are measured by their route, whatever address was asked for", async () => {
  const key = await makeKey(admin, "auditor");
  const series = (route: string, status: number, method = "GET") =>
    `postern_http_request_duration_seconds_count{method="${method}",route="${route}",status="${status}"}`;
  await admin.send("GET", "/agents/01a20cba-5d10-7c2e-9b41-000004e90e57");
  await fetch(`${cluster.url}/no/such/address-4711`);
  const { text } = await scrape(key);
  expect(figureIn(text, series("/api/v1/agents/:id", 404))).toBe(1);
  expect(figureIn(text, series("", 404, ""))).toBe(1);
  expect(text).not.toContain("address-4711");
  expect(text).not.toContain("01a20cba-5d10");
});

test("a database that fails is counted, and a name that is taken is not", async () => {
  const key = await makeKey(admin, "auditor");
  const count = async () => figureIn((await scrape(key)).text, 'postern_database_errors_total{kind="other"}');
  const before = await count();
  expect((await admin.send("POST", "/tenants", { name: "Acme" })).status).toBe(409);
  expect(await count()).toBe(before);
  await breakCommits(cluster);
  expect((await admin.send("POST", "/tenants", { name: "Never" })).status).toBe(500);
  await mendCommits(cluster);
  expect(await count()).toBe(Number(before) + 1);
});

test("an owner of a tenant sees no figures of the others", async () => {
  const owner = await makeUser(cluster, admin, "olga", [{ role: "tenant_owner", tenantId: acme.id }]);
  expect((await scrape(await makeKey(owner, "tenant_owner", acme.id))).status).toBe(403);
});
