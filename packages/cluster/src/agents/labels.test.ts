import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { enrol } from "../check-in/fake-agent.fixture.ts";
import { makeActivationKey, makeTenant, type TestTenant } from "../check-in/scene.fixture.ts";
import { type Caller, logInAsAdmin, makeUser, startTestCluster, type TestCluster } from "../test-cluster.fixture.ts";

let cluster: TestCluster;
let admin: Caller;
let acme: TestTenant;
let other: TestTenant;
let activationKey: string;
let otherAgentId: string;

beforeAll(async () => {
  cluster = await startTestCluster();
  admin = await logInAsAdmin(cluster);
  acme = await makeTenant(admin, "Acme");
  other = await makeTenant(admin, "Umbrella");
  activationKey = await makeActivationKey(admin, acme.id);
  otherAgentId = (await enrol(cluster.url, await makeActivationKey(admin, other.id), { hostName: "ws-99" })).agentId;
});

afterAll(() => cluster.close());

async function newAgent(hostName: string): Promise<string> {
  return (await enrol(cluster.url, activationKey, { hostName })).agentId;
}

async function labelsOf(id: string): Promise<string[]> {
  return (await admin.send("GET", `/agents/${id}`)).json.labels;
}

async function hostsWith(query: string): Promise<string[]> {
  const { json } = await admin.send("GET", `/agents?tenantId=${acme.id}&${query}`);
  return json.items.map(({ hostName }: { hostName: string }) => hostName);
}

describe("the labels of one agent", () => {
  test("are replaced as a whole, sorted, each once", async () => {
    const id = await newAgent("one-1");
    await admin.send("PATCH", `/agents/${id}`, { labels: ["b", "site:berlin", "b"] });
    const { json, status } = await admin.send("PATCH", `/agents/${id}`, { labels: ["site:berlin", "a"] });
    expect({ status, labels: json.labels }).toEqual({ status: 200, labels: ["a", "site:berlin"] });
    expect(await labelsOf(id)).toEqual(["a", "site:berlin"]);
    expect((await admin.send("PATCH", `/agents/${id}`, {})).json.labels).toEqual(["a", "site:berlin"]);
  });

  test("are not changed on an older state, also when the clock stands still or went back", async () => {
    const id = await newAgent("one-2");
    const path = `/agents/${id}`;
    const match = { "if-match": (await admin.send("GET", path)).headers.get("etag") ?? "" };
    cluster.advance(-60_000);
    expect((await admin.send("PATCH", path, { labels: ["a"] }, match)).status).toBe(200);
    cluster.advance(60_000);
    expect((await admin.send("PATCH", path, { labels: ["b"] }, match)).json).toMatchObject({
      status: 412,
      code: "precondition_failed",
    });
    expect(await labelsOf(id)).toEqual(["a"]);
  });

  test.each([["Upper"], ["a b"], [""], ["-a"], ["a\u0000"], ["ｓite"], ["x".repeat(64)]])(
    "%j is no label",
    async (label) => {
      const id = await newAgent("one-3");
      const { json } = await admin.send("PATCH", `/agents/${id}`, { labels: [label] });
      expect(json).toMatchObject({ status: 400, code: "validation_failed" });
    },
  );

  test("stand in the audit log with what was added and removed, and nothing stands there when nothing changed", async () => {
    const id = await newAgent("one-4");
    for (const labels of [
      ["a", "b"],
      ["b", "c"],
      ["c", "b"],
    ])
      await admin.send("PATCH", `/agents/${id}`, { labels });
    const { json } = await admin.send("GET", `/audit?tenantId=${acme.id}&action=agent.label&targetId=${id}`);
    expect(json.items.map(({ details }: { details: unknown }) => details)).toEqual([
      { changes: [{ added: ["c"], removed: ["a"], agentIds: [id] }], agents: { moved: 0, gains: 0, loses: 0 } },
      { changes: [{ added: ["a", "b"], removed: [], agentIds: [id] }], agents: { moved: 0, gains: 0, loses: 0 } },
    ]);
  });
});

describe("labels of many agents", () => {
  test("are added and removed by filter, and the preview counts the same without changing anything", async () => {
    const ids = [await newAgent("bulk-1"), await newAgent("bulk-2")];
    await admin.send("PATCH", `/agents/${ids[0]}`, { labels: ["old", "kept"] });
    const body = { filter: { tenantId: acme.id, q: "bulk-" }, add: ["new", "kept"], remove: ["old"] };
    const preview = await admin.send("POST", "/agents/labels/preview", body);
    expect(preview.json).toEqual({ matched: 2, changed: 2 });
    expect(await labelsOf(ids[0] ?? "")).toEqual(["kept", "old"]);
    expect((await admin.send("POST", "/agents/labels", body)).json).toEqual({ matched: 2, changed: 2 });
    for (const id of ids) expect(await labelsOf(id)).toEqual(["kept", "new"]);
    expect((await admin.send("POST", "/agents/labels", body)).json).toEqual({ matched: 2, changed: 0 });
  });

  test("are found by the label and by part of it", async () => {
    const id = await newAgent("found-1");
    await newAgent("found-2");
    await admin.send("POST", "/agents/labels", { agentIds: [id], add: ["ring:canary_1"] });
    expect(await hostsWith("label=ring:canary_1")).toEqual(["found-1"]);
    expect(await hostsWith("q=CANARY_1")).toEqual(["found-1"]);
    expect(await hostsWith("q=canary%251")).toEqual([]);
    expect(await hostsWith("label=ring")).toEqual([]);
  });

  test("an agent out of reach changes nothing at all", async () => {
    const owner = await makeUser(cluster, admin, "owner of acme", [{ role: "tenant_owner", tenantId: acme.id }]);
    const own = await newAgent("mine");
    for (const path of ["/agents/labels", "/agents/labels/preview"]) {
      const byIds = await owner.send("POST", path, { agentIds: [own, otherAgentId], add: ["taken"] });
      expect(byIds.json).toMatchObject({ status: 404, code: "not_found" });
      const byTenant = await owner.send("POST", path, { filter: { tenantId: other.id }, add: ["taken"] });
      expect(byTenant.json).toMatchObject({ status: 404, code: "not_found" });
      const everybody = await owner.send("POST", path, { filter: { q: "ws-99" }, add: ["taken"] });
      expect(everybody.json).toEqual({ matched: 0, changed: 0 });
    }
    expect(await labelsOf(own)).toEqual([]);
    expect(await labelsOf(otherAgentId)).toEqual([]);
  });

  test("an installer may read labels but not set them: they decide what an agent is protected by", async () => {
    const installer = await makeUser(cluster, admin, "installer", [{ role: "agent_installer", tenantId: acme.id }]);
    const id = await newAgent("installed");
    expect((await installer.send("PATCH", `/agents/${id}`, { labels: ["a"] })).status).toBe(403);
    const bulk = await installer.send("POST", "/agents/labels", { agentIds: [id], add: ["a"] });
    expect(bulk.json).toMatchObject({ status: 403, code: "permission_missing" });
    expect((await installer.send("GET", `/agents/${id}`)).json.labels).toEqual([]);
  });

  test("needs ids or a filter, and takes no more labels than an agent may have", async () => {
    const id = await newAgent("full");
    const many = Array.from({ length: 32 }, (_, index) => `l${index}`);
    expect((await admin.send("POST", "/agents/labels", { add: ["a"] })).json.code).toBe("validation_failed");
    const both = { agentIds: [id], filter: {}, add: ["a"] };
    expect((await admin.send("POST", "/agents/labels", both)).json.code).toBe("validation_failed");
    expect((await admin.send("POST", "/agents/labels", { agentIds: [id], add: many })).json.changed).toBe(1);
    const over = await admin.send("POST", "/agents/labels", { agentIds: [id], add: ["more"] });
    expect(over.json).toMatchObject({ code: "validation_failed", errors: [{ pointer: "/add", code: "too_many" }] });
    expect(await labelsOf(id)).toHaveLength(32);
  });
});
