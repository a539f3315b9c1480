import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { enrol } from "../src/check-in/fake-agent.fixture.ts";
import { type Caller, call, expectProblem, logIn, logInAsAdmin, send } from "./http-client.ts";
import { type Operation, pathWith, readOperations, sampleOf } from "./operations.ts";
import { startCluster } from "./running-cluster.ts";

// On saas a tenant owner can do the most: more walls are tried than elsewhere.
const cluster = await startCluster({ env: { POSTERN_DEPLOYMENT: "saas" } });
const operations = (await readOperations(cluster.url)).filter(({ path }) => path.startsWith("/api/v1/"));
const onObjects = operations.filter(({ pathParameters }) => pathParameters.length > 0);
const lists = operations.filter(({ method, query }) => method === "GET" && query.includes("cursor"));
const takingTenant = operations.filter(({ body }) => body?.properties?.["tenantId"] !== undefined);
const password = "a sentence that nobody guesses";

/** What the other tenant has, by the collection in whose path its id stands. */
let others: Readonly<Record<string, string>>;
let otherTenantId: string;
let callers: Readonly<Record<"by log-in" | "by API key", Caller>>;
let admin: Caller;

beforeAll(async () => {
  admin = await logInAsAdmin(cluster);
  const [own, other] = await Promise.all(["acme", "beta"].map((name) => post("/tenants", { name })));
  if (!own || !other) throw new Error("no tenants");
  otherTenantId = other.id;

  const roles = ["tenant_owner", "agent_installer", "auditor"].map((role) => ({ role, tenantId: own.id }));
  await post("/users", { name: "olga", password, roles });
  const byLogin = await logIn(cluster, "olga", password);
  const { key } = await call<{ key: string }>(cluster, byLogin, "POST", "/api-keys", { name: "hers", roles });
  callers = { "by log-in": byLogin, "by API key": { headers: { authorization: `Bearer ${key}` } } };

  const activationKey = await post("/activation-keys", { tenantId: other.id, maxUses: 2 });
  const agent = await enrol(cluster.url, activationKey.key, { hostName: "ws-beta" });
  agent.journal("service_started");
  agent.journal("pipe_taken");
  await agent.checkIn({ applied: { rev: 0 } });
  const profile = await post("/profiles", { tenantId: other.id, name: "locked" });
  const user = await post("/users", { name: "bert", password, roles: [{ role: "tenant_owner", tenantId: other.id }] });
  others = {
    tenants: other.id,
    users: user.id,
    roles: user.roles[0]?.id ?? "",
    "activation-keys": activationKey.id,
    agents: agent.agentId,
    profiles: profile.id,
    intents: (await post("/intents", { tenantId: other.id, name: "all", profileId: profile.id })).id,
    "agent-tokens": (await post("/agent-tokens", { kind: "agent", agentId: agent.agentId, reason: "a test" })).id,
    sessions: (await call<{ items: { id: string }[] }>(cluster, admin, "GET", "/sessions")).items[0]?.id ?? "",
    keys: (await call<{ items: { kid: string }[] }>(cluster, admin, "GET", "/keys?use=token")).items[0]?.kid ?? "",
    alarms: (await call<{ items: { id: string }[] }>(cluster, admin, "GET", "/alarms")).items[0]?.id ?? "",
    "api-keys": (await post("/api-keys", { name: "his", roles: [{ role: "auditor", tenantId: null }] })).id,
  };
});
afterAll(() => cluster.remove());

interface Made {
  readonly id: string;
  readonly key: string;
  readonly roles: readonly { readonly id: string }[];
}

function post(path: string, body: object): Promise<Made> {
  return call(cluster, admin, "POST", path, body);
}

/** The operation's path with the other tenant's ids in it, below `/api/v1`. */
function otherPath(operation: Operation): string {
  const segments = operation.path.split("/");
  const path = pathWith(operation, (parameter) => {
    const collection = segments[segments.indexOf(`{${parameter}}`) - 1] ?? "";
    const id = others[collection];
    if (id === undefined) throw new Error(`Say in this test which object stands behind ${collection}.`);
    return id;
  });
  return path.slice("/api/v1".length);
}

function sampleBody({ body }: Operation): object | undefined {
  return body && (sampleOf(body) as object);
}

describe.each(["by log-in", "by API key"] as const)("to somebody of another tenant, %s,", (how) => {
  test.each(onObjects)("$name looks as if the object were not there", async (operation) => {
    const response = await send(cluster, callers[how], operation.method, otherPath(operation), sampleBody(operation));
    if (operation.access.scope === "cluster") await expectProblem(response, 403, "permission_missing");
    else await expectProblem(response, 404, "not_found");
  });

  test.each(takingTenant)("$name does nothing for that tenant", async (operation) => {
    const body = { ...sampleBody(operation), tenantId: otherTenantId };
    const cases = /\/agent-tokens(\/preview)?$/.test(operation.path) ? tokenRequests(operation) : [body];
    for (const one of cases) {
      if (operation.pathParameters.length > 0) continue; // tried above
      await expectProblem(await send(cluster, callers[how], operation.method, pathOf(operation), one), 404);
    }
  });

  test.each(lists)("$name shows nothing of that tenant", async (operation) => {
    if (operation.pathParameters.length > 0) return; // tried above
    const response = await send(cluster, callers[how], "GET", pathOf(operation));
    const text = await response.text();
    if (operation.access.scope === "cluster") return expect(response.status).toBe(403);
    expect(response.status).toBe(200);
    for (const id of [...Object.values(others), otherTenantId, "beta", "bert"]) expect(text).not.toContain(id);
    if (operation.query.includes("tenantId")) {
      const asked = await send(cluster, callers[how], "GET", `${pathOf(operation)}?tenantId=${otherTenantId}`);
      await expectProblem(asked, 404, "not_found");
    }
  });

  test("no user of that tenant can be made, and nobody gets a role in it", async () => {
    const roles = [{ role: "auditor", tenantId: otherTenantId }];
    const making = await send(cluster, callers[how], "POST", "/users", { name: "eve", password, roles });
    await expectProblem(making, 403, "grant_refused");
    const own = (await call<{ items: { id: string }[] }>(cluster, callers[how], "GET", "/users")).items[0]?.id ?? "";
    for (const role of [...roles, { role: "site_admin", tenantId: null }]) {
      await expectProblem(await send(cluster, callers[how], "POST", `/users/${own}/roles`, role), 403, "grant_refused");
    }
  });
});

test("the same requests find everything when a site administrator sends them", async () => {
  for (const operation of onObjects.filter(({ method }) => method === "GET")) {
    const response = await send(cluster, admin, "GET", otherPath(operation));
    expect.soft(`${operation.name} ${response.status}`).toBe(`${operation.name} 200`);
  }
  const seen: string[] = [];
  for (const operation of lists.filter(({ pathParameters }) => pathParameters.length === 0)) {
    seen.push(await (await send(cluster, admin, "GET", pathOf(operation))).text());
  }
  for (const [collection, id] of Object.entries(others)) expect.soft(seen.join(), collection).toContain(id);
});

function tokenRequests({ path }: Operation): object[] {
  const why = path.endsWith("/preview") ? {} : { reason: "a test" };
  return [
    { kind: "tenant", tenantId: otherTenantId, ...why },
    { kind: "agent", agentId: others["agents"], ...why },
    { kind: "agent", agentId: others["agents"], tenantId: otherTenantId, ...why },
  ];
}

function pathOf(operation: Operation): string {
  return operation.path.slice("/api/v1".length);
}
