import { afterAll, beforeAll, expect, test } from "vitest";
import { adminPassword, type Caller, caller, logIn, type TestCluster } from "../test-cluster.fixture.ts";
import { identityLimits } from "./limits.ts";
import { type ProviderScene, startProviderScene } from "./provider-scene.fixture.ts";

let scene: ProviderScene;
let cluster: TestCluster;
let admin: Caller;
let acme: string;

beforeAll(async () => {
  scene = await startProviderScene();
  ({ cluster, admin, acme } = scene);
});
afterAll(() => scene.end());

const newBrowser = () => scene.newBrowser();
const sit: ProviderScene["sit"] = (...who) => scene.sit(...who);
const logInAs: ProviderScene["logInAs"] = (...who) => scene.logInAs(...who);
const refusalOf: ProviderScene["refusalOf"] = (...path) => scene.refusalOf(...path);

const wide = { name: "k", roles: [{ role: "customer_support", tenantId: null }] };

const day = 24 * 60 * 60 * 1000;

test("a person whom the provider vouches for is a user with the roles of his groups", async () => {
  expect((await caller(cluster).send("GET", "/session/methods")).json).toEqual({ password: true, provider: true });
  const browser = newBrowser();
  sit("s-1", { name: "Petra", groups: ["acme-ops", "beta-ops", "something else"] });
  const { response, url } = await browser.open("/oidc/login");
  expect(url.pathname).toBe("/api/v1/session");
  expect(await response.json()).toMatchObject({
    kind: "user",
    name: "Petra",
    loginBy: "provider",
    roles: expect.toSatisfy((roles: object[]) => roles.length === 2),
  });
  const petra = browser.caller();
  const { json: me } = await petra.send("GET", "/session");
  expect(me.roles).toEqual(
    expect.arrayContaining([
      { role: "tenant_owner", tenantId: acme },
      { role: "auditor", tenantId: acme },
    ]),
  );
  expect((await petra.send("GET", "/tenants")).json.items.map((one: { id: string }) => one.id)).toEqual([acme]);
  expect((await petra.send("DELETE", "/session")).status).toBe(204);

  const again = await (await logInAs("s-1", { name: "Petra", groups: ["acme-ops"] })).send("GET", "/session");
  expect(again.json.userId).toBe(me.userId);
  const entries = (await admin.send("GET", "/audit?limit=500")).json.items;
  const actions = entries
    .filter((one: { target: { id: string } }) => one.target?.id === me.userId)
    .map((one: { action: string; who: { name: string } }) => `${one.action} ${one.who.name}`);
  expect(actions.sort()).toEqual([
    "role.grant identity provider",
    "role.grant identity provider",
    "user.create identity provider",
  ]);
  const opened = entries.filter((one: { action: string }) => one.action === "session.create");
  expect(opened[0]).toMatchObject({ who: { name: "Petra" }, details: { by: "provider" }, outcome: "done" });
  expect((await admin.send("GET", "/audit/verification")).json.intact).toBe(true);
});

test("a group that is taken takes its roles at the next log-in, in every session", async () => {
  const before = await logInAs("s-3", { groups: ["acme-ops", "helpdesk"] });
  expect((await before.send("GET", "/agents")).status).toBe(200);
  const after = await logInAs("s-3", { groups: ["acme-ops"] });
  const roles = (await after.send("GET", "/session")).json.roles;
  expect(roles).toHaveLength(2);
  expect((await before.send("GET", "/session")).json.roles).toEqual(roles);
  const [entry] = (await admin.send("GET", "/audit?action=role.revoke&limit=1")).json.items;
  expect(entry).toMatchObject({ details: { role: "customer_support" }, who: { name: "identity provider" } });
});

test.each([
  { groups: undefined },
  { groups: [] },
  { groups: ["beta-ops"] },
  { groups: "postern-admin" },
  { groups: { "postern-admins": true } },
  { groups: [["postern-admins"]] },
])("groups like $groups let nobody in", async ({ groups }) => {
  sit("s-4", { groups });
  const browser = newBrowser();
  expect(await refusalOf("/oidc/login", browser)).toMatchObject({
    status: 403,
    code: "login_refused",
    detail: "Nothing that the identity provider says of you gives you a role here.",
  });
  expect(browser.jar(cluster.url).has("pst")).toBe(false);
  expect((await admin.send("GET", "/users?q=s-4")).json.items).toEqual([]);
});

test("who is refused loses the roles that he had, and the refusal stands in the audit log", async () => {
  const before = await logInAs("s-5", { groups: ["postern-admins"] });
  expect((await before.send("GET", "/keys")).status).toBe(200);
  sit("s-5", { groups: [] });
  expect(await refusalOf("/oidc/login")).toMatchObject({ code: "login_refused" });
  expect((await before.send("GET", "/keys")).json.code).toBe("permission_missing");
  const [entry] = (await admin.send("GET", "/audit?action=session.create&outcome=refused&limit=1")).json.items;
  expect(entry).toMatchObject({
    why: "login_refused",
    target: { name: "s-5" },
    details: { by: "provider", subject: "s-5" },
  });
});

test("a disabled user stays out", async () => {
  const user = await logInAs("s-6", { groups: ["helpdesk"] });
  const { userId } = (await user.send("GET", "/session")).json;
  expect((await admin.send("PATCH", `/users/${userId}`, { disabled: true })).status).toBe(200);
  expect((await user.send("GET", "/session")).status).toBe(401);
  sit("s-6", { groups: ["helpdesk"] });
  expect(await refusalOf("/oidc/login")).toMatchObject({ detail: "This user is disabled here." });
});

test("a name of the provider's takes over no user of ours", async () => {
  sit("s-7", { name: "ADMIN", groups: ["postern-admins"] });
  const browser = newBrowser();
  expect(await refusalOf("/oidc/login", browser)).toMatchObject({
    code: "login_refused",
    detail: "The identity provider calls you ADMIN, and another user of this cluster has that name.",
  });
  // Nor another person of the provider's, who takes the name of one that is here.
  await logInAs("s-8", { name: "Walter", groups: ["helpdesk"] });
  sit("s-9", { name: "walter", groups: ["postern-admins"] });
  expect(await refusalOf("/oidc/login", browser)).toMatchObject({ code: "login_refused" });
  expect((await admin.send("GET", "/users?q=walter")).json.items).toHaveLength(1);
});

test("a name that cannot be one here gives way to the next", async () => {
  const odd = await logInAs("s-10", { name: "a\u202eb", groups: ["helpdesk"], more: { email: "odd@example.com" } });
  expect((await odd.send("GET", "/session")).json.name).toBe("odd@example.com");
});

test("a user of the provider's has no password and no roles but the provider's", async () => {
  const user = await logInAs("s-18", { groups: ["helpdesk"] });
  const { userId } = (await user.send("GET", "/session")).json;
  const fromProvider = { status: 409, json: { code: "user_from_provider" } };
  const password = "a good long password";
  expect(await admin.send("PATCH", `/users/${userId}`, { password })).toMatchObject(fromProvider);
  const role = { role: "site_admin", tenantId: null };
  expect(await admin.send("POST", `/users/${userId}/roles`, role)).toMatchObject(fromProvider);
  const { roles } = (await admin.send("GET", `/users/${userId}`)).json;
  expect(await admin.send("DELETE", `/users/${userId}/roles/${roles[0].id}`)).toMatchObject(fromProvider);
  expect(await user.send("POST", "/session/reauthenticate", { password })).toMatchObject(fromProvider);
  expect(await user.send("PUT", "/session/password", { password, newPassword: password })).toMatchObject(fromProvider);
  for (const guess of ["", "x", password]) {
    await expect(logIn(cluster, "s-18", guess)).rejects.toThrow(/login_failed|validation_failed/);
  }
});

test("the last site administrator with a password stays, whoever the provider has", async () => {
  const chief = await logInAs("s-19", { groups: ["postern-admins"] });
  const [own] = (await chief.send("GET", "/users?q=admin")).json.items;
  expect((await chief.send("DELETE", `/users/${own.id}`)).json.code).toBe("last_site_admin");
  await logIn(cluster, "admin", adminPassword);
});

test("an API key has no more than the provider gives its owner, and not for longer", async () => {
  const owner = await logInAs("s-20", { groups: ["helpdesk", "acme-ops"] });
  const roles = [...wide.roles, { role: "auditor", tenantId: acme }];
  const made = await owner.send("POST", "/api-keys", { name: "k", roles, validDays: 365 });
  const key = caller(cluster, { authorization: `Bearer ${made.json.key}` });
  expect((await key.send("GET", "/session")).json.roles).toEqual(roles);

  await logInAs("s-20", { groups: ["acme-ops"] });
  expect((await key.send("GET", "/session")).json.roles).toEqual([{ role: "auditor", tenantId: acme }]);

  // The provider lets him go. Nobody comes any more to have his roles taken.
  cluster.advance(identityLimits.providerRolesMs - day);
  expect((await key.send("GET", "/session")).status).toBe(200);
  cluster.advance(day);
  expect((await key.send("GET", "/session")).json).toMatchObject({ code: "unauthenticated" });
  await logInAs("s-20", { groups: ["acme-ops"] });
  expect((await key.send("GET", "/session")).status).toBe(200);
});
