import { afterAll, beforeAll, expect, test } from "vitest";
import { type Caller, caller, logInAsAdmin, startTestCluster, type TestCluster } from "../test-cluster.fixture.ts";
import type { TestProvider } from "./identity-provider.fixture.ts";
import { identityLimits } from "./limits.ts";
import { type ProviderScene, startProviderScene } from "./provider-scene.fixture.ts";

let scene: ProviderScene;
let cluster: TestCluster;
let provider: TestProvider;
let admin: Caller;

beforeAll(async () => {
  scene = await startProviderScene();
  ({ cluster, provider, admin } = scene);
});
afterAll(() => scene.end());

const newBrowser = () => scene.newBrowser();
const sit: ProviderScene["sit"] = (...who) => scene.sit(...who);
const logInAs: ProviderScene["logInAs"] = (...who) => scene.logInAs(...who);
const refusalOf: ProviderScene["refusalOf"] = (...path) => scene.refusalOf(...path);

const wide = { name: "k", roles: [{ role: "customer_support", tenantId: null }] };

test("what is sent to the provider cannot be guessed, and the session's cookie is like any other", async () => {
  const browser = newBrowser();
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
  const other = await newBrowser().request(new URL("/oidc/login", cluster.url));
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

test("nobody can be led into a log-in that he did not begin", async () => {
  sit("s-11", { groups: ["helpdesk"] });
  const attackers = newBrowser();
  const callback = await attackers.upToCallback();
  const failed = { status: 401, code: "provider_login_failed" };

  const innocent = newBrowser();
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
    const browser = newBrowser();
    const callback = await browser.upToCallback();
    for (const [name, value] of Object.entries(change)) callback.searchParams.set(name, value);
    expect(await (await browser.request(callback)).json(), JSON.stringify(change)).toMatchObject({
      code: "provider_login_failed",
    });
    expect(browser.jar(cluster.url).has("pst")).toBe(false);
  }
  const browser = newBrowser();
  const callback = await browser.upToCallback();
  const kept = browser.jar(cluster.url).get("pst-login") ?? "";
  expect((await browser.request(callback)).status).toBe(302);
  browser.jar(cluster.url).set("pst-login", kept);
  expect((await browser.request(callback)).status).toBe(401);
});

test("a code that was stolen is worth nothing without the browser's secret", async () => {
  sit("s-13", { groups: ["postern-admins"] });
  const callback = await newBrowser().upToCallback();
  const thief = newBrowser();
  const own = await thief.upToCallback();
  own.searchParams.set("code", callback.searchParams.get("code") ?? "");
  expect(await (await thief.request(own)).json()).toMatchObject({ code: "provider_login_failed" });
});

test("an ID token that the provider has not signed lets nobody in", async () => {
  sit("s-22", { groups: ["postern-admins"] });
  provider.forging = true;
  const browser = newBrowser();
  const { response } = await browser.open("/oidc/login");
  provider.forging = false;
  expect(await response.json()).toMatchObject({ code: "provider_login_failed" });
  expect((await admin.send("GET", "/users?q=s-22")).json.items).toEqual([]);
});

test("a log-in that takes too long begins anew", async () => {
  sit("s-14", { groups: ["helpdesk"] });
  const browser = newBrowser();
  const callback = await browser.upToCallback();
  cluster.advance(identityLimits.providerLoginMs + 1_000);
  expect(await (await browser.request(callback)).json()).toMatchObject({
    detail: "This log-in was not begun in this browser, or too long ago.",
  });
  cluster.advance(-identityLimits.providerLoginMs - 1_000);
});

test("turning back at the provider is told in plain words, and what it said goes to the log", async () => {
  provider.present = null;
  expect(await refusalOf("/oidc/login")).toMatchObject({
    code: "provider_login_failed",
    detail: "The identity provider says that access was denied.",
  });
  expect(cluster.log()).toContain("access_denied");
  expect(cluster.log()).not.toContain(provider.clientSecret);
});

test("after the log-in the browser goes to a page of ours, and to nobody else's", async () => {
  sit("s-15", { groups: ["helpdesk"] });
  const browser = newBrowser();
  const callback = await browser.upToCallback("/oidc/login?returnTo=%2Fagents%3Fq%3Ddb");
  expect((await browser.request(callback)).headers.get("location")).toBe("/agents?q=db");
  for (const elsewhere of ["https://evil.example", "//evil.example", "/\\evil.example", "/a b", "/a\nb", "x", ""]) {
    const { response } = await browser.open(`/oidc/login?returnTo=${encodeURIComponent(elsewhere)}`);
    expect(response.status, elsewhere).toBe(400);
  }
});

test("for what wants the password again the provider must ask for it", async () => {
  const longAgo = new Date(Date.now() - 2 * identityLimits.passwordFreshMs);
  const browser = newBrowser();
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

  const again = await newBrowser().request(new URL("/oidc/login?again=true", cluster.url));
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
  expect(await refusalOf("/oidc/login?again=true")).toMatchObject({
    detail: "The identity provider did not ask for the password again.",
  });
});

test("groups may stand in the ID token itself, and below a path; a provider that is away is no end", async () => {
  const other = await startProviderScene({
    env: { POSTERN_OIDC_ROLE_CLAIM: "realm_access.roles" },
    userinfo: false,
    async whileAway(own) {
      const away = await fetch(`${own.url}/oidc/login`, { redirect: "manual" });
      expect(await away.json()).toMatchObject({ status: 503, code: "provider_unavailable" });
      expect(away.headers.get("retry-after")).toBe("5");
      await logInAsAdmin(own); // passwords do not depend on it
    },
  });
  const user = await other.logInAs("s-21", { more: { realm_access: { roles: ["helpdesk"] } } });
  expect((await user.send("GET", "/session")).json.roles).toEqual([{ role: "customer_support", tenantId: null }]);
  await other.end();
});

test("a browser is told by a page, in which nothing of the provider's is more than text", async () => {
  sit("s-23", { name: "<script>alert(1)</script>", groups: ["helpdesk"] });
  await newBrowser().open("/oidc/login");
  sit("s-24", { name: "<script>alert(1)</script>", groups: ["helpdesk"] });
  const callback = await newBrowser().upToCallback();
  const headers = { accept: "text/html,*/*;q=0.8" };
  const refused = await fetch(callback, { headers });
  expect([refused.status, refused.headers.get("content-type")]).toEqual([401, "text/html; charset=utf-8"]);
  expect(refused.headers.get("content-security-policy")).toMatch(
    /^default-src 'none'; style-src 'sha256-[^']+'; base-uri/,
  );
  expect(await refused.text()).toContain("This log-in was not begun in this browser, or too long ago.");

  const browser = newBrowser();
  const page = await (await browser.request(await browser.upToCallback(), headers)).text();
  expect(page).toContain("The identity provider calls you &lt;script&gt;alert(1)&lt;/script&gt;, and another user");
  expect(page).not.toContain("<script");
});

test("a cluster without a provider has no such pages", async () => {
  const plain = await startTestCluster();
  expect((await fetch(`${plain.url}/oidc/login`)).status).toBe(404);
  expect((await caller(plain).send("GET", "/session/methods")).json.provider).toBe(false);
  await plain.close();
});
