import { afterAll, beforeAll, expect, test } from "vitest";
import { enrol, type FakeAgent } from "../check-in/fake-agent.fixture.ts";
import { makeActivationKey, makeTenant } from "../check-in/scene.fixture.ts";
import { type Caller, logInAsAdmin, makeUser, startTestCluster, type TestCluster } from "../test-cluster.fixture.ts";

let cluster: TestCluster;
let admin: Caller;
const agents: FakeAgent[] = [];

beforeAll(async () => {
  cluster = await startTestCluster({ timing: { holdMs: 600, pollMs: 600 } });
  admin = await logInAsAdmin(cluster);
  for (const name of ["Hamburg", "Kiel"]) {
    const tenant = await makeTenant(admin, name);
    agents.push(await enrol(cluster.url, await makeActivationKey(admin, tenant.id)));
  }
});

afterAll(() => cluster.close());

const put = (urls: readonly string[], headers: Record<string, string> = {}) =>
  admin.send("PUT", "/cluster/urls", { urls }, headers);

test("nobody has said anything: agents stay where they are", async () => {
  const now = await admin.send("GET", "/cluster/urls");
  expect(now.json).toEqual({ urls: [], urlsBefore: [], changedAt: null, changedBy: null });
  for (const agent of agents) expect(agent.applied.cfg.urls).toBeUndefined();
});

test("every agent is told other addresses at once, and people see the way back", async () => {
  const revs = agents.map(({ applied }) => applied.rev);
  const profiles = await admin.send("GET", "/profiles");
  for (const agent of agents) await agent.checkIn();
  const held = agents.map((agent) => agent.checkIn());
  const first = ["https://new.example.com", "https://other.example.com/base"];
  expect((await put(first)).json).toMatchObject({ urls: first, urlsBefore: [], changedBy: "admin" });
  await Promise.all(held);
  for (const [n, agent] of agents.entries()) {
    if (agent.applied.rev === revs[n]) await agent.checkIn();
    expect(agent.applied.rev).toBeGreaterThan(revs[n] ?? 0);
    expect(agent.applied.cfg.urls).toEqual(first);
  }
  expect((await admin.send("GET", "/profiles")).json).toEqual(profiles.json);

  const second = ["https://newer.example.com"];
  expect((await put(second)).json).toMatchObject({ urls: second, urlsBefore: first });
  const audited = await admin.send("GET", "/audit?action=cluster.urls&limit=1");
  expect(audited.json.items[0]).toMatchObject({ outcome: "done", details: { from: first, to: second } });
});

test("a change on what somebody else has changed meanwhile is refused", async () => {
  const seen = await admin.send("GET", "/cluster/urls");
  const etag = { "if-match": seen.headers.get("etag") ?? "" };
  expect((await put(["https://a.example.com"], etag)).status).toBe(200);
  expect((await put(["https://b.example.com"], etag)).json.code).toBe("precondition_failed");
  expect((await put([])).json.urls).toEqual([]);
});

test.each([
  { urls: ["http://new.example.com"], detail: "Agents take HTTPS only, but for their own machine." },
  { urls: ["http://127.evil.example"], detail: "Agents take HTTPS only, but for their own machine." },
  {
    urls: ["https://user@new.example.com"],
    detail: "It has a user, a query or a fragment; an address has none of these.",
  },
  { urls: ["https://[new"], detail: "It is no address." },
  { urls: ["ftp://new.example.com"], detail: "It must be an address like https://postern.example.com." },
])("refuses $urls", async ({ urls, detail }) => {
  const answer = await put(urls);
  expect(answer.json).toMatchObject({ code: "validation_failed", errors: [{ pointer: "/urls/0", detail }] });
});

test("moving the whole fleet asks for the password again, and is for site administrators", async () => {
  const support = await makeUser(cluster, admin, "sue", [{ role: "customer_support", tenantId: null }]);
  expect((await support.send("PUT", "/cluster/urls", { urls: [] })).status).toBe(403);
  cluster.advance(16 * 60_000);
  expect((await put(["https://new.example.com"])).json.code).toBe("reauthentication_required");
});
