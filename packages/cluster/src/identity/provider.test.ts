import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  adminPassword,
  type Caller,
  caller,
  logIn,
  logInAsAdmin,
  startTestCluster,
  type TestCluster,
} from "../test-cluster.fixture.ts";
import { startTestProvider, type TestProvider } from "./identity-provider.fixture.ts";
import { identityLimits } from "./limits.ts";

const day = 24 * 60 * 60 * 1000;

let cluster: TestCluster;
let provider: TestProvider;
let admin: Caller;
let acme: string;
const directory = mkdtempSync(join(tmpdir(), "postern-provider-"));

beforeAll(async () => {
  const port = await freePort();
  provider = await startTestProvider(`http://127.0.0.1:${port}/oidc/callback`);
  cluster = await startTestCluster({ env: settingsFor(provider.issuer, port) });
  admin = await logInAsAdmin(cluster);
  acme = (await admin.send("POST", "/tenants", { name: "Acme" })).json.id;
});

afterAll(async () => {
  await cluster.close();
  await provider.close();
  rmSync(directory, { recursive: true });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function settingsFor(issuer: string, port: number): Record<string, string> {
  const secretFile = join(directory, "secret");
  writeFileSync(secretFile, "the secret of the cluster at its provider\n");
  const mapFile = join(directory, "roles.json");
  const map = {
    "postern-admins": "site_admin",
    helpdesk: ["customer_support"],
    "acme-ops": ["tenant_owner@acme", "auditor@ACME"],
    "beta-ops": "tenant_owner@a tenant that is not there",
  };
  writeFileSync(mapFile, JSON.stringify(map));
  return {
    POSTERN_LISTEN: `127.0.0.1:${port}`,
    POSTERN_PUBLIC_URL: `http://127.0.0.1:${port}`,
    POSTERN_OIDC_ISSUER: issuer,
    POSTERN_OIDC_CLIENT_ID: "postern",
    POSTERN_OIDC_CLIENT_SECRET_FILE: secretFile,
    POSTERN_OIDC_ROLE_MAP: mapFile,
  };
}

/** Follows redirects and keeps cookies, for each origin its own. */
class Browser {
  readonly visited: URL[] = [];
  readonly #jars = new Map<string, Map<string, string>>();

  async request(url: URL): Promise<Response> {
    this.visited.push(url);
    const jar = this.jar(url.origin);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, { redirect: "manual", headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [name = "", value = ""] = (line.split(";", 1)[0] ?? "").split(/=(.*)/s);
      if (/expires=Thu, 01 Jan 1970/i.test(line)) jar.delete(name);
      else jar.set(name, value);
    }
    return response;
  }

  jar(origin: string): Map<string, string> {
    const jar = this.#jars.get(origin) ?? new Map<string, string>();
    this.#jars.set(origin, jar);
    return jar;
  }

  /** Goes to a page and on to where it leads, until `stopAt`. */
  async open(path: string, stopAt?: (url: URL) => boolean): Promise<{ response: Response; url: URL }> {
    let url = new URL(path, cluster.url);
    for (let hops = 0; hops < 20; hops += 1) {
      const response = await this.request(url);
      const location = response.headers.get("location");
      if (location === null) return { response, url };
      url = new URL(location, url);
      if (stopAt?.(url)) return { response, url };
    }
    throw new Error("too many redirects");
  }

  /** The log-in up to the way back, which is not gone. */
  async upToCallback(path = "/oidc/login"): Promise<URL> {
    const { url } = await this.open(path, ({ pathname }) => pathname === "/oidc/callback");
    return url;
  }

  caller(): Caller {
    const cookie = `pst=${this.jar(cluster.url).get("pst") ?? ""}`;
    return caller(cluster, { cookie, "sec-fetch-site": "same-origin" });
  }
}

interface Who {
  readonly groups?: unknown;
  readonly name?: string;
  readonly authenticatedAt?: Date;
  readonly more?: Record<string, unknown>;
}

/** Puts somebody at the provider's log-in page. */
function sit(subject: string, { groups, name = subject, authenticatedAt, more }: Who): void {
  const claims = { preferred_username: name, ...(groups !== undefined && { groups }), ...more };
  provider.people.set(subject, { claims, authenticatedAt: authenticatedAt ?? null });
  provider.present = subject;
}

async function logInAs(subject: string, who: Who, browser = new Browser()): Promise<Caller> {
  sit(subject, who);
  const { response } = await browser.open("/oidc/login");
  if (response.status !== 200) throw new Error(`log-in answered ${await response.text()}`);
  return browser.caller();
}

async function refusalOf(browser: Browser, path: string): Promise<unknown> {
  const { response } = await browser.open(path);
  return response.json();
}

test("a person whom the provider vouches for is a user with the roles of his groups", async () => {
  expect((await caller(cluster).send("GET", "/session/methods")).json).toEqual({ password: true, provider: true });
  const browser = new Browser();
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

test("what is sent to the provider cannot be guessed, and the session's cookie is like any other", async () => {
  const browser = new Browser();
  sit("s-2", { groups: ["helpdesk"] });
  const response = await browser.request(new URL("/oidc/login", cluster.url));
  const query = Object.fromEntries(new URL(response.headers.get("location") ?? "").searchParams);
  expect(query).toMatchObject({
    response_type: "code",
    client_id: "postern",
    redirect_uri: `${cluster.url}/oidc/callback`,
    code_challenge_method: "S256",
    scope: "openid profile email",
    max_age: String(identityLimits.sessionMaxMs / 1000),
  });
  const other = await new Browser().request(new URL("/oidc/login", cluster.url));
  const second = new URL(other.headers.get("location") ?? "").searchParams;
  for (const part of ["state", "nonce", "code_challenge"]) {
    expect(query[part]).toMatch(/^[\w-]{43}$/);
    expect(second.get(part)).not.toBe(query[part]);
  }
  expect(new Set([query["state"], query["nonce"], query["code_challenge"]]).size).toBe(3);
  expect(response.headers.getSetCookie()[0]).toMatch(/^pst-login=.*; Path=\/; Expires=.*; HttpOnly; SameSite=Lax$/);

  const callback = await browser.upToCallback();
  const done = await browser.request(callback);
  expect(done.headers.getSetCookie().join("\n")).toMatch(/pst=[\w-]{43}; Path=\/; Expires=.*; HttpOnly; SameSite=Lax/);
  expect(done.headers.get("location")).toBe("/api/v1/session");
  expect(browser.jar(cluster.url).has("pst-login")).toBe(false);
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
  const browser = new Browser();
  expect(await refusalOf(browser, "/oidc/login")).toMatchObject({
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
  expect(await refusalOf(new Browser(), "/oidc/login")).toMatchObject({ code: "login_refused" });
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
  expect(await refusalOf(new Browser(), "/oidc/login")).toMatchObject({ detail: "This user is disabled here." });
});

test("a name of the provider's takes over no user of ours", async () => {
  sit("s-7", { name: "ADMIN", groups: ["postern-admins"] });
  const browser = new Browser();
  expect(await refusalOf(browser, "/oidc/login")).toMatchObject({
    code: "login_refused",
    detail: "The identity provider calls you ADMIN, and another user of this cluster has that name.",
  });
  // Nor another person of the provider's, who takes the name of one that is here.
  await logInAs("s-8", { name: "Walter", groups: ["helpdesk"] });
  sit("s-9", { name: "walter", groups: ["postern-admins"] });
  expect(await refusalOf(browser, "/oidc/login")).toMatchObject({ code: "login_refused" });
  expect((await admin.send("GET", "/users?q=walter")).json.items).toHaveLength(1);
});

test("a name that cannot be one here gives way to the next", async () => {
  const odd = await logInAs("s-10", { name: "a\u202eb", groups: ["helpdesk"], more: { email: "odd@example.com" } });
  expect((await odd.send("GET", "/session")).json.name).toBe("odd@example.com");
});

test("nobody can be led into a log-in that he did not begin", async () => {
  sit("s-11", { groups: ["helpdesk"] });
  const attackers = new Browser();
  const callback = await attackers.upToCallback();
  const failed = { status: 401, code: "provider_login_failed" };

  const innocent = new Browser();
  const before = provider.tokenRequests;
  const response = await innocent.request(callback);
  expect(await response.json()).toMatchObject(failed);
  // Nor while he has begun one of his own.
  await innocent.upToCallback();
  expect(await (await innocent.request(callback)).json()).toMatchObject(failed);
  expect(provider.tokenRequests).toBe(before); // nothing was asked of the provider
  expect(innocent.jar(cluster.url).has("pst")).toBe(false);

  expect((await attackers.request(callback)).status).toBe(302); // his own browser it lets in
});

test("another state, another code, the answer of another issuer and a second use are refused", async () => {
  sit("s-12", { groups: ["helpdesk"] });
  for (const change of [{ state: "x" }, { state: "" }, { code: "made-up" }, { iss: "https://evil.example" }]) {
    const browser = new Browser();
    const callback = await browser.upToCallback();
    for (const [name, value] of Object.entries(change)) callback.searchParams.set(name, value);
    expect(await (await browser.request(callback)).json(), JSON.stringify(change)).toMatchObject({
      code: "provider_login_failed",
    });
    expect(browser.jar(cluster.url).has("pst")).toBe(false);
  }
  const browser = new Browser();
  const callback = await browser.upToCallback();
  const kept = browser.jar(cluster.url).get("pst-login") ?? "";
  expect((await browser.request(callback)).status).toBe(302);
  browser.jar(cluster.url).set("pst-login", kept);
  expect((await browser.request(callback)).status).toBe(401);
});

test("a code that was stolen is worth nothing without the browser's secret", async () => {
  sit("s-13", { groups: ["postern-admins"] });
  const callback = await new Browser().upToCallback();
  const thief = new Browser();
  const own = await thief.upToCallback();
  own.searchParams.set("code", callback.searchParams.get("code") ?? "");
  expect(await (await thief.request(own)).json()).toMatchObject({ code: "provider_login_failed" });
});

test("an ID token that the provider has not signed lets nobody in", async () => {
  sit("s-22", { groups: ["postern-admins"] });
  provider.forging = true;
  const browser = new Browser();
  const { response } = await browser.open("/oidc/login");
  provider.forging = false;
  expect(await response.json()).toMatchObject({ code: "provider_login_failed" });
  expect((await admin.send("GET", "/users?q=s-22")).json.items).toEqual([]);
});

test("a log-in that takes too long begins anew", async () => {
  sit("s-14", { groups: ["helpdesk"] });
  const browser = new Browser();
  const callback = await browser.upToCallback();
  cluster.advance(identityLimits.providerLoginMs + 1_000);
  expect(await (await browser.request(callback)).json()).toMatchObject({
    detail: "This log-in was not begun in this browser, or too long ago.",
  });
  cluster.advance(-identityLimits.providerLoginMs - 1_000);
});

test("turning back at the provider is told in plain words, and what it said goes to the log", async () => {
  provider.present = null;
  expect(await refusalOf(new Browser(), "/oidc/login")).toMatchObject({
    code: "provider_login_failed",
    detail: "The identity provider says that access was denied.",
  });
  expect(cluster.log()).toContain("access_denied");
  expect(cluster.log()).not.toContain(provider.clientSecret);
});

test("after the log-in the browser goes to a page of ours, and to nobody else's", async () => {
  sit("s-15", { groups: ["helpdesk"] });
  const browser = new Browser();
  const callback = await browser.upToCallback("/oidc/login?returnTo=%2Fagents%3Fq%3Ddb");
  expect((await browser.request(callback)).headers.get("location")).toBe("/agents?q=db");
  for (const elsewhere of ["https://evil.example", "//evil.example", "/\\evil.example", "/a b", "/a\nb", "x", ""]) {
    const { response } = await browser.open(`/oidc/login?returnTo=${encodeURIComponent(elsewhere)}`);
    expect(response.status, elsewhere).toBe(400);
  }
});

const wide = { name: "k", roles: [{ role: "customer_support", tenantId: null }] };

test("for what wants the password again the provider must ask for it", async () => {
  const longAgo = new Date(Date.now() - 2 * identityLimits.passwordFreshMs);
  const browser = new Browser();
  const early = await logInAs("s-16", { groups: ["helpdesk"], authenticatedAt: longAgo }, browser);
  expect((await early.send("POST", "/api-keys", wide)).json).toMatchObject({
    code: "reauthentication_required",
    detail: "Confirm your log-in in the browser, at /oidc/login?again=true.",
  });
  // The provider knows him still, and a second log-in alone asks for nothing.
  const asked = provider.asked;
  await browser.open("/oidc/login");
  expect(provider.asked).toBe(asked);
  expect((await browser.caller().send("POST", "/api-keys", wide)).json.code).toBe("reauthentication_required");

  const again = await new Browser().request(new URL("/oidc/login?again=true", cluster.url));
  const asks = new URL(again.headers.get("location") ?? "").searchParams;
  expect([asks.get("prompt"), asks.get("max_age")]).toEqual(["login", "0"]); // providers know one or the other
  sit("s-16", { groups: ["helpdesk"] });
  const replaced = browser.caller();
  await browser.open("/oidc/login?again=true");
  expect(provider.asked).toBe(asked + 1);
  expect((await browser.caller().send("POST", "/api-keys", wide)).status).toBe(201);
  expect((await replaced.send("GET", "/session")).status).toBe(401); // one session took the place of the other
});

test("a provider that does not ask again makes nothing fresh", async () => {
  const longAgo = new Date(Date.now() - identityLimits.passwordFreshMs + 30_000);
  sit("s-17", { groups: ["helpdesk"], authenticatedAt: longAgo });
  expect(await refusalOf(new Browser(), "/oidc/login?again=true")).toMatchObject({
    detail: "The identity provider did not ask for the password again.",
  });
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

test("groups may stand in the ID token itself, and below a path; a provider that is away is no end", async () => {
  const [port, providerPort] = [await freePort(), await freePort()];
  const env = settingsFor(`http://127.0.0.1:${providerPort}`, port);
  const other = await startTestCluster({ env: { ...env, POSTERN_OIDC_ROLE_CLAIM: "realm_access.roles" } });
  const first = cluster;
  const firstProvider = provider;
  try {
    const away = await fetch(`${other.url}/oidc/login`, { redirect: "manual" });
    expect(await away.json()).toMatchObject({ status: 503, code: "provider_unavailable" });
    expect(away.headers.get("retry-after")).toBe("5");
    await logInAsAdmin(other); // passwords do not depend on it

    provider = await startTestProvider(`http://127.0.0.1:${port}/oidc/callback`, {
      userinfo: false,
      port: providerPort,
    });
    cluster = other;
    const user = await logInAs("s-21", { more: { realm_access: { roles: ["helpdesk"] } } });
    expect((await user.send("GET", "/session")).json.roles).toEqual([{ role: "customer_support", tenantId: null }]);
    await provider.close();
  } finally {
    cluster = first;
    provider = firstProvider;
    await other.close();
  }
});

test("a cluster without a provider has no such pages", async () => {
  const plain = await startTestCluster();
  expect((await fetch(`${plain.url}/oidc/login`)).status).toBe(404);
  expect((await caller(plain).send("GET", "/session/methods")).json.provider).toBe(false);
  await plain.close();
});
