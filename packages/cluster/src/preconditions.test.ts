import { afterAll, beforeAll, expect, test } from "vitest";
import { enrol } from "./check-in/fake-agent.fixture.ts";
import { type ApiDocument, completeDocument } from "./http/api-document.ts";
import { exampleOf, type JsonSchema } from "./http/examples.ts";
import { type Caller, logInAsAdmin, makeUser, startTestCluster, type TestCluster } from "./test-cluster.fixture.ts";

let cluster: TestCluster;
let admin: Caller;
let ids: Readonly<Record<string, string>>;

beforeAll(async () => {
  cluster = await startTestCluster();
  admin = await logInAsAdmin(cluster);
  const tenantId = (await admin.send("POST", "/tenants", { name: "Acme" })).json.id;
  const { key } = (await admin.send("POST", "/activation-keys", { tenantId })).json;
  const profileId = (await admin.send("POST", "/profiles", { tenantId, name: "Locked" })).json.id;
  ids = {
    tenants: tenantId,
    profiles: profileId,
    agents: (await enrol(cluster.url, key)).agentId,
    intents: (await admin.send("POST", "/intents", { tenantId, name: "all", profileId })).json.id,
    users: (await makeUser(cluster, admin, "olga", [{ role: "auditor", tenantId }])).id,
  };
});

afterAll(() => cluster.close());

test("whatever is changed as a whole has an ETag, and is changed only as it was seen", async () => {
  const response = await fetch(`${cluster.url}/api/docs/openapi.json`);
  const document: ApiDocument = completeDocument((await response.json()) as ApiDocument);
  const names: string[] = [];
  for (const [path, methods] of Object.entries(document.paths)) {
    const [, collection = ""] = /^\/api\/v1\/([a-z-]+)\/\{id\}$/.exec(path) ?? [];
    for (const method of ["patch", "delete"]) {
      const operation = methods[method];
      if (operation === undefined || ids[collection] === undefined) continue;
      const isListed = operation["x-postern-errors"].includes("precondition_failed");
      if (!isListed && method === "delete") continue;
      const at = path.slice("/api/v1".length).replace("{id}", ids[collection]);
      const read = await admin.send("GET", at);
      expect.soft(read.headers.get("etag"), path).toMatch(/^"\d+"$/);
      const schema = operation.requestBody?.content["application/json"]?.schema as JsonSchema | undefined;
      const { name } = (schema && (exampleOf(schema) as { name?: string })) ?? {};
      const body = method === "patch" ? { ...(name !== undefined && { name: "Changed" }) } : undefined;
      const refused = await admin.send(method.toUpperCase(), at, body, { "if-match": '"999"' });
      expect.soft(`${method} ${path} ${refused.status}`).toBe(`${method} ${path} 412`);
      expect.soft((await admin.send("GET", at)).headers.get("etag"), path).toBe(read.headers.get("etag"));
      names.push(`${method} ${path}`);
    }
  }
  expect(names.length).toBeGreaterThan(6);
});
