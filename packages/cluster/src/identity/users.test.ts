import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Caller,
  caller,
  logIn,
  logInAsAdmin,
  makeUser,
  startTestCluster,
  type TestCluster,
} from "../test-cluster.fixture.ts";

let cluster: TestCluster;
let admin: Caller;
let own: string;
let other: string;
let owner: Caller & { id: string };
let foreign: Caller & { id: string };

beforeAll(async () => {
  cluster = await startTestCluster({ deployment: "saas" });
  admin = await logInAsAdmin(cluster);
  own = (await admin.send("POST", "/tenants", { name: "Own" })).json.id;
  other = (await admin.send("POST", "/tenants", { name: "Other" })).json.id;
  owner = await makeUser(cluster, admin, "olga", [{ role: "tenant_owner", tenantId: own }]);
  foreign = await makeUser(cluster, admin, "fred", [{ role: "tenant_owner", tenantId: other }]);
});

afterAll(() => cluster.close());

const password = "a good long password";

test("a user is made with roles, found, and listed by name", async () => {
  const made = await admin.send("POST", "/users", {
    name: "Zoë",
    password,
    roles: [{ role: "auditor", tenantId: own }],
  });
  expect(made.status).toBe(201);
  expect(made.json).toMatchObject({ name: "Zoë", disabled: false, roles: [{ role: "auditor", tenantId: own }] });
  expect(made.json).not.toHaveProperty("passwordHash");
  const found = await admin.send("GET", `/users/${made.json.id}`);
  expect(found.json).toEqual(made.json);
  const listed = await admin.send("GET", "/users?q=ZO%C3%8B");
  expect(listed.json.items).toEqual([made.json]);
});

test("names are taken without regard to case", async () => {
  expect(
    (await admin.send("POST", "/users", { name: "OLGA", password, roles: [{ role: "auditor", tenantId: own }] })).json
      .code,
  ).toBe("name_taken");
});

test.each([
  { roles: [{ role: "site_admin", tenantId: "own" }], at: "/roles/0/tenantId" },
  {
    roles: [
      { role: "auditor", tenantId: null },
      { role: "tenant_owner", tenantId: null },
    ],
    at: "/roles/1/tenantId",
  },
])("a role in an impossible place is named: $at", async ({ roles, at }) => {
  const body = {
    name: "x",
    password,
    roles: roles.map((one) => ({ ...one, tenantId: one.tenantId === "own" ? own : null })),
  };
  expect((await admin.send("POST", "/users", body)).json).toMatchObject({
    code: "validation_failed",
    errors: [{ pointer: at }],
  });
});

test("an owner ends no session of somebody who holds more than he may grant", async () => {
  const support = await makeUser(cluster, admin, "sara", [
    { role: "customer_support", tenantId: null },
    { role: "auditor", tenantId: own },
  ]);
  expect((await owner.send("DELETE", `/users/${support.id}/sessions`)).json.code).toBe("grant_refused");
  expect((await owner.send("DELETE", `/users/${foreign.id}/sessions`)).status).toBe(404);
  expect((await support.send("GET", "/session")).status).toBe(200);
});

test("a tenant's name is expected in its users' passwords", async () => {
  const { id } = (await admin.send("POST", "/tenants", { name: "Nordwind" })).json;
  const body = { name: "nele", password: "nordwind2026-nele", roles: [{ role: "auditor", tenantId: id }] };
  expect((await admin.send("POST", "/users", body)).json.code).toBe("password_unacceptable");
  expect((await admin.send("POST", "/users", { ...body, password })).status).toBe(201);
});

test("short passwords are refused", async () => {
  expect((await admin.send("POST", "/users", { name: "y", password: "short", roles: [] })).json.code).toBe(
    "password_unacceptable",
  );
  expect(
    (await admin.send("POST", "/users", { name: "quartermaster", password: "quartermaster1", roles: [] })).json.code,
  ).toBe("password_unacceptable");
});

test("a tenant owner makes users of his tenant, and no others", async () => {
  const make = (roles: object[], name = "new") => owner.send("POST", "/users", { name, password, roles });
  expect((await make([{ role: "agent_installer", tenantId: own }], "installer")).status).toBe(201);
  expect((await make([{ role: "agent_installer", tenantId: other }])).json.code).toBe("grant_refused");
  expect((await make([{ role: "site_admin", tenantId: null }])).json.code).toBe("grant_refused");
  expect((await make([{ role: "customer_support", tenantId: null }])).json.code).toBe("grant_refused");
  expect((await make([{ role: "auditor", tenantId: null }])).json.code).toBe("grant_refused");
  expect(
    (
      await make([
        { role: "auditor", tenantId: own },
        { role: "auditor", tenantId: other },
      ])
    ).json.code,
  ).toBe("grant_refused");
  expect((await make([])).json.code).toBe("grant_refused");
});

test("users of another tenant look like none", async () => {
  const names = (await owner.send("GET", "/users?limit=500")).json.items.map((user: { name: string }) => user.name);
  expect(names).toContain("olga");
  expect(names).not.toContain("fred");
  expect(names).not.toContain("admin");
  for (const [method, path, body] of [
    ["GET", `/users/${foreign.id}`, undefined],
    ["PATCH", `/users/${foreign.id}`, { disabled: true }],
    ["DELETE", `/users/${foreign.id}`, undefined],
    ["POST", `/users/${foreign.id}/roles`, { role: "auditor", tenantId: own }],
  ] as const) {
    expect(await owner.send(method, path, body), `${method} ${path}`).toMatchObject({
      status: 404,
      json: { code: "not_found" },
    });
  }
});

test("nobody widens himself", async () => {
  for (const binding of [
    { role: "site_admin", tenantId: null },
    { role: "customer_support", tenantId: null },
    { role: "tenant_owner", tenantId: other },
    { role: "auditor", tenantId: null },
  ]) {
    expect((await owner.send("POST", `/users/${owner.id}/roles`, binding)).json.code).toBe("grant_refused");
  }
});

test("an attempt to give what one may not stands in the audit log", async () => {
  expect((await owner.send("POST", `/users/${owner.id}/roles`, { role: "site_admin", tenantId: null })).status).toBe(
    403,
  );
  const [entry] = (await admin.send("GET", "/audit?outcome=refused&action=role.grant&limit=1")).json.items;
  expect(entry).toMatchObject({ who: { name: "olga" }, target: { kind: "user", id: owner.id }, why: "grant_refused" });
});

test("who holds more than the manager cannot be taken over by him", async () => {
  const support = await makeUser(cluster, admin, "sam", [
    { role: "customer_support", tenantId: null },
    { role: "auditor", tenantId: own },
  ]);
  const seen = await owner.send("GET", `/users/${support.id}`);
  expect(seen.json.roles).toEqual([expect.objectContaining({ role: "auditor", tenantId: own })]);
  expect((await owner.send("PATCH", `/users/${support.id}`, { password })).json.code).toBe("grant_refused");
  expect((await owner.send("PATCH", `/users/${support.id}`, { disabled: true })).json.code).toBe("grant_refused");
  expect((await owner.send("DELETE", `/users/${support.id}`)).json.code).toBe("grant_refused");
  // The role in his own tenant is his to take.
  expect((await owner.send("DELETE", `/users/${support.id}/roles/${seen.json.roles[0].id}`)).status).toBe(204);
  expect((await owner.send("GET", `/users/${support.id}`)).status).toBe(404);
});

test("a role that is taken counts no more from the next request on", async () => {
  const user = await makeUser(cluster, admin, "rita", [{ role: "tenant_owner", tenantId: own }]);
  expect((await user.send("GET", "/users")).status).toBe(200);
  const [role] = (await admin.send("GET", `/users/${user.id}`)).json.roles;
  expect((await admin.send("DELETE", `/users/${user.id}/roles/${role.id}`)).status).toBe(204);
  expect((await user.send("GET", "/users")).json.code).toBe("permission_missing");
});

test("giving a role twice changes nothing", async () => {
  const user = await makeUser(cluster, admin, "gert", [{ role: "auditor", tenantId: own }]);
  const twice = await admin.send("POST", `/users/${user.id}/roles`, { role: "auditor", tenantId: own });
  expect(twice).toMatchObject({ status: 201, json: { roles: [{ role: "auditor", tenantId: own }] } });
  expect(
    (
      await admin.send("POST", `/users/${user.id}/roles`, {
        role: "auditor",
        tenantId: "01890a5d-ac96-774b-bcce-b302099a8057",
      })
    ).json.code,
  ).toBe("not_found");
});

test("a password set by an administrator ends the user's sessions", async () => {
  const user = await makeUser(cluster, admin, "nina", [{ role: "auditor", tenantId: own }]);
  expect((await admin.send("PATCH", `/users/${user.id}`, { password: "another good password" })).status).toBe(200);
  expect((await user.send("GET", "/session")).status).toBe(401);
  await logIn(cluster, "nina", "another good password");
});

test("the last site administrator stays", async () => {
  const [user] = (await admin.send("GET", "/users?q=admin")).json.items;
  expect((await admin.send("DELETE", `/users/${user.id}`)).json.code).toBe("last_site_admin");
  expect((await admin.send("PATCH", `/users/${user.id}`, { disabled: true })).json.code).toBe("last_site_admin");
  expect((await admin.send("DELETE", `/users/${user.id}/roles/${user.roles[0].id}`)).json.code).toBe("last_site_admin");
});

test("a change made on an older reading is refused", async () => {
  const user = await makeUser(cluster, admin, "ines", [{ role: "auditor", tenantId: own }]);
  const etag = (await admin.send("GET", `/users/${user.id}`)).headers.get("etag") ?? "";
  expect((await admin.send("PATCH", `/users/${user.id}`, { disabled: true }, { "if-match": etag })).status).toBe(200);
  expect((await admin.send("PATCH", `/users/${user.id}`, { disabled: false }, { "if-match": etag })).json.code).toBe(
    "precondition_failed",
  );
});

test("a deleted user is gone with sessions and keys", async () => {
  const user = await makeUser(cluster, admin, "dirk", [{ role: "auditor", tenantId: own }]);
  expect((await admin.send("DELETE", `/users/${user.id}`)).status).toBe(204);
  expect((await user.send("GET", "/session")).status).toBe(401);
  expect((await admin.send("GET", `/users/${user.id}`)).status).toBe(404);
});

test("an API key acts with its roles, for its time, and never with more than its owner", async () => {
  const user = await makeUser(cluster, admin, "kim", [{ role: "tenant_owner", tenantId: own }]);
  const make = (roles: object[], validDays?: number) =>
    user.send("POST", "/api-keys", { name: "robot", roles, validDays });
  expect((await make([{ role: "tenant_owner", tenantId: other }])).json.code).toBe("grant_refused");
  expect((await make([{ role: "site_admin", tenantId: null }])).json.code).toBe("grant_refused");
  const made = await make([{ role: "tenant_owner", tenantId: own }], 2);
  expect(made.json.key).toMatch(/^pst_[\w-]{43}$/);
  const robot = caller(cluster, { authorization: `Bearer ${made.json.key}` });

  expect((await robot.send("GET", "/session")).json).toMatchObject({ kind: "api_key", name: "robot" });
  expect((await robot.send("GET", "/tenants")).json.items.map((one: { id: string }) => one.id)).toEqual([own]);
  expect((await robot.send("GET", `/tenants/${other}`)).status).toBe(404);
  expect(
    (await robot.send("POST", "/api-keys", { name: "child", roles: [{ role: "tenant_owner", tenantId: own }] })).json
      .code,
  ).toBe("session_required");
  expect((await robot.send("DELETE", "/session")).json.code).toBe("session_required");

  const [listed] = (await user.send("GET", "/api-keys")).json.items;
  expect(listed).toMatchObject({ id: made.json.id, name: "robot" });
  expect(listed.usedAt).not.toBeNull();
  expect(listed).not.toHaveProperty("key");
  expect((await owner.send("DELETE", `/api-keys/${made.json.id}`)).status).toBe(404); // another person's

  const [role] = (await admin.send("GET", `/users/${user.id}`)).json.roles;
  await admin.send("DELETE", `/users/${user.id}/roles/${role.id}`);
  expect((await robot.send("GET", "/tenants")).json.code).toBe("permission_missing");
  await admin.send("POST", `/users/${user.id}/roles`, { role: "tenant_owner", tenantId: own });
  expect((await robot.send("GET", "/tenants")).status).toBe(200);

  cluster.advance(2 * 24 * 60 * 60 * 1000);
  expect((await robot.send("GET", "/tenants")).json.code).toBe("unauthenticated");
  admin = await logInAsAdmin(cluster);
  expect(
    (await (await logIn(cluster, "kim", "the password of kim")).send("DELETE", `/api-keys/${made.json.id}`)).status,
  ).toBe(204);
});

test("what was done and refused stands in the audit log, and its chains are intact", async () => {
  const actions = (await admin.send("GET", "/audit?limit=500")).json.items.map(
    (entry: { action: string }) => entry.action,
  );
  for (const action of [
    "cluster.init",
    "tenant.create",
    "user.create",
    "role.grant",
    "role.revoke",
    "user.change",
    "user.delete",
    "session.create",
    "api-key.create",
    "api-key.delete",
    "access.refuse",
  ]) {
    expect(actions).toContain(action);
  }
  expect((await admin.send("GET", "/audit/verification")).json.intact).toBe(true);
  const auditor = await makeUser(cluster, admin, "anna", [{ role: "auditor", tenantId: own }]);
  const entries = (await auditor.send("GET", "/audit?limit=500")).json.items;
  expect(new Set(entries.map((entry: { tenantId: string }) => entry.tenantId))).toEqual(new Set([own]));
  expect((await auditor.send("GET", `/audit?tenantId=${other}`)).status).toBe(404);
  expect(
    (await auditor.send("GET", "/audit/verification")).json.chains.map((chain: { tenantId: string }) => chain.tenantId),
  ).toEqual([own]);
  expect((await auditor.send("GET", "/keys")).json.code).toBe("permission_missing");
});
