import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  adminPassword,
  caller,
  logIn,
  logInAsAdmin,
  makeUser,
  startTestCluster,
  type TestCluster,
} from "../test-cluster.fixture.ts";
import { identityLimits } from "./limits.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startTestCluster();
});

afterAll(() => cluster.close());

const minute = 60_000;

test("a person logs in, is known, and logs out", async () => {
  const answer = await caller(cluster).send("POST", "/session", { name: "Admin", password: adminPassword });
  expect(answer.status).toBe(201);
  const [cookie = ""] = answer.headers.getSetCookie();
  expect(cookie).toMatch(/^pst=[\w-]{43}; Path=\/; Expires=.*; HttpOnly; SameSite=Lax$/);
  expect(answer.headers.get("cache-control")).toBe("no-store");

  const admin = caller(cluster, { cookie: cookie.split(";", 1)[0] ?? "", origin: cluster.url });
  const me = await admin.send("GET", "/session");
  expect(me.json).toMatchObject({
    kind: "user",
    name: "admin",
    roles: [{ role: "site_admin", tenantId: null }],
    deployment: "on-prem",
  });
  expect(me.json.permissions).toContainEqual({ permission: "agent-token.generate", everywhere: true, tenantIds: [] });

  const out = await admin.send("DELETE", "/session");
  expect(out.status).toBe(204);
  expect(out.headers.getSetCookie()[0]).toMatch(/^pst=;.*Expires=Thu, 01 Jan 1970/);
  expect(await admin.send("GET", "/session")).toMatchObject({ status: 401, json: { code: "unauthenticated" } });
});

test("no log-in, a made-up cookie and a made-up key are all nobody", async () => {
  for (const headers of [
    {},
    { cookie: "pst=made-up" },
    { cookie: "pst=" },
    { authorization: "Bearer pst_x" },
    { authorization: "Basic YTpi" },
  ]) {
    expect(await caller(cluster, headers as Record<string, string>).send("GET", "/session")).toMatchObject({
      status: 401,
      json: { code: "unauthenticated" },
    });
  }
});

test("nobody gets no answer about the body: who he is comes first", async () => {
  expect(await caller(cluster).send("POST", "/tenants", { nonsense: 1 })).toMatchObject({ status: 401 });
});

test("a wrong password and an unknown name are told apart by nobody", async () => {
  const nobody = caller(cluster);
  const wrong = await nobody.send("POST", "/session", { name: "admin", password: "wrong" });
  const unknown = await nobody.send("POST", "/session", { name: "nobody here", password: "wrong" });
  expect(wrong.status).toBe(401);
  expect({ ...unknown.json, requestId: "" }).toEqual({ ...wrong.json, requestId: "" });
});

test("a disabled user cannot log in, and his session and keys end at once", async () => {
  const admin = await logInAsAdmin(cluster);
  const user = await makeUser(cluster, admin, "dora", [{ role: "auditor", tenantId: null }]);
  const key = await user.send("POST", "/api-keys", { name: "k", roles: [{ role: "auditor", tenantId: null }] });
  const program = caller(cluster, { authorization: `Bearer ${key.json.key}` });
  expect((await program.send("GET", "/session")).status).toBe(200);
  const setDisabled = (flag: 0 | 1) =>
    cluster.database.query(`update user_account set disabled = ${flag} where name = 'dora'`);
  await setDisabled(1); // this alone, whatever else is ended with it
  for (const one of [user, program]) expect((await one.send("GET", "/session")).status).toBe(401);
  await setDisabled(0);
  for (const one of [user, program]) expect((await one.send("GET", "/session")).status).toBe(200);
  expect((await admin.send("PATCH", `/users/${user.id}`, { disabled: true })).status).toBe(200);
  expect((await user.send("GET", "/session")).status).toBe(401);
  expect((await program.send("GET", "/session")).status).toBe(401);
  await expect(logIn(cluster, "dora", "the password of dora")).rejects.toThrow("login_failed");
});

test.each([
  { headers: { "sec-fetch-site": "cross-site" }, code: "csrf_refused" },
  { headers: { "sec-fetch-site": "same-site", origin: "self" }, code: "csrf_refused" },
  { headers: { origin: "https://evil.example" }, code: "csrf_refused" },
  { headers: {}, code: "csrf_refused" },
  { headers: { origin: "self" }, code: undefined },
  { headers: { "sec-fetch-site": "same-origin" }, code: undefined },
])("a change by cookie with $headers answers $code", async ({ headers, code }) => {
  const login = await caller(cluster).send("POST", "/session", { name: "admin", password: adminPassword });
  const cookie = login.headers.getSetCookie()[0]?.split(";", 1)[0] ?? "";
  const sent = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value === "self" ? cluster.url : value]),
  );
  const answer = await caller(cluster, { cookie, ...sent }).send("POST", "/tenants", {
    name: `T ${JSON.stringify(headers)}`,
  });
  expect(answer.json.code).toBe(code);
  expect((await caller(cluster, { cookie }).send("GET", "/tenants")).status).toBe(200);
});

test("another site cannot log its visitors in", async () => {
  const evil = caller(cluster, { origin: "https://evil.example" });
  const answer = await evil.send("POST", "/session", { name: "admin", password: adminPassword });
  expect(answer).toMatchObject({ status: 403, json: { code: "csrf_refused" } });
});

test("a session ends after an hour without a request, and after a working day in any case", async () => {
  const idle = await logInAsAdmin(cluster);
  cluster.advance(identityLimits.sessionIdleMs - minute);
  expect((await idle.send("GET", "/session")).status).toBe(200);
  cluster.advance(identityLimits.sessionIdleMs - minute);
  expect((await idle.send("GET", "/session")).status).toBe(200);
  cluster.advance(identityLimits.sessionIdleMs);
  expect((await idle.send("GET", "/session")).status).toBe(401);

  const busy = await logInAsAdmin(cluster);
  for (let passed = 0; passed < identityLimits.sessionMaxMs - 30 * minute; passed += 30 * minute) {
    cluster.advance(30 * minute);
    expect((await busy.send("GET", "/session")).status).toBe(200);
  }
  cluster.advance(30 * minute);
  expect((await busy.send("GET", "/session")).status).toBe(401);
});

test("after 15 minutes an API key needs the password again", async () => {
  const admin = await logInAsAdmin(cluster);
  const body = { name: "k", roles: [{ role: "auditor", tenantId: null }] };
  cluster.advance(15 * minute + 1);
  expect((await admin.send("POST", "/api-keys", body)).json.code).toBe("reauthentication_required");
  expect((await admin.send("POST", "/session/reauthenticate", { password: "wrong" })).json.code).toBe("login_failed");
  expect((await admin.send("POST", "/api-keys", body)).json.code).toBe("reauthentication_required");
  expect((await admin.send("POST", "/session/reauthenticate", { password: adminPassword })).status).toBe(204);
  expect((await admin.send("POST", "/api-keys", body)).status).toBe(201);
});

test("guessing is stopped, also by attempts made at once, and whether the name exists or not", async () => {
  const { free } = identityLimits.throttle.pair;
  for (const name of ["guessed", "admin"]) {
    const guesses = Array.from({ length: free + 10 }, () => {
      return caller(cluster).send("POST", "/session", { name, password: "guess" });
    });
    const codes = (await Promise.all(guesses)).map((answer) => answer.json.code);
    expect(codes.filter((code) => code === "login_failed").length).toBe(free);
    const throttled = await caller(cluster).send("POST", "/session", { name, password: adminPassword });
    expect(throttled).toMatchObject({ status: 429, json: { code: "login_throttled" } });
    expect(throttled.headers.get("retry-after")).toBe("1");
  }
  cluster.advance(1_000);
  await logInAsAdmin(cluster);
  for (let count = 0; count < free - 1; count += 1) {
    const wrong = await caller(cluster).send("POST", "/session", { name: "admin", password: "wrong" });
    expect(wrong.json.code).toBe("login_failed"); // the success has made what was before it forgotten
  }
  await logInAsAdmin(cluster);
});

test("a password given again is throttled for the session alone", async () => {
  const admin = await logInAsAdmin(cluster);
  const codes: string[] = [];
  for (let count = 0; count <= identityLimits.throttle.session.free; count += 1) {
    codes.push((await admin.send("POST", "/session/reauthenticate", { password: "wrong" })).json.code);
  }
  expect(codes.at(-2)).toBe("login_failed");
  expect(codes.at(-1)).toBe("login_throttled");
  await logInAsAdmin(cluster);
});

test("a person changes his own password; his other sessions end", async () => {
  const admin = await logInAsAdmin(cluster);
  const here = await makeUser(cluster, admin, "paula", [{ role: "auditor", tenantId: null }]);
  const there = await logIn(cluster, "paula", "the password of paula");
  const change = (password: string, newPassword: string) =>
    here.send("PUT", "/session/password", { password, newPassword });
  expect((await change("wrong", "a new sentence for me")).json.code).toBe("login_failed");
  expect((await change("the password of paula", "short")).json.code).toBe("password_unacceptable");
  expect((await change("the password of paula", "another good sentence")).status).toBe(204);
  expect((await here.send("GET", "/session")).status).toBe(200);
  expect((await there.send("GET", "/session")).status).toBe(401);
  await logIn(cluster, "paula", "another good sentence");
});

test("a person sees where he is logged in, and ends what is not his any more", async () => {
  const admin = await logInAsAdmin(cluster);
  const here = await makeUser(cluster, admin, "selma", [{ role: "auditor", tenantId: null }]);
  cluster.advance(minute);
  const there = await logIn(cluster, "selma", "the password of selma");
  const third = await logIn(cluster, "selma", "the password of selma");
  const listed = (await here.send("GET", "/sessions")).json.items;
  expect(listed.map((one: { current: boolean }) => one.current)).toEqual([false, false, true]);
  expect(listed[2]).toMatchObject({ address: "127.0.0.1", seenAt: expect.any(String), endsAt: expect.any(String) });
  expect(Date.parse(listed[2].seenAt)).toBeGreaterThan(Date.parse(listed[2].createdAt)); // a minute later, just now
  expect(JSON.stringify(listed)).not.toMatch(/secret|hash/i);
  const [first] = (await third.send("GET", "/sessions")).json.items;
  expect(first.current).toBe(true);

  const [adminsOwn] = (await admin.send("GET", "/sessions")).json.items;
  expect((await here.send("DELETE", `/sessions/${adminsOwn.id}`)).status).toBe(404);
  expect((await admin.send("GET", "/session")).status).toBe(200);

  expect((await here.send("DELETE", `/sessions/${first.id}`)).status).toBe(204);
  expect((await third.send("GET", "/session")).status).toBe(401);
  expect((await here.send("DELETE", "/sessions")).status).toBe(204);
  expect((await there.send("GET", "/session")).status).toBe(401);
  expect((await here.send("GET", "/session")).status).toBe(200);
});

test("a session that has ended by itself is not listed", async () => {
  const before = await logInAsAdmin(cluster);
  const [old] = (await before.send("GET", "/sessions")).json.items;
  cluster.advance(identityLimits.sessionIdleMs);
  const items = (await (await logInAsAdmin(cluster)).send("GET", "/sessions")).json.items;
  expect(items.map((one: { id: string }) => one.id)).not.toContain(old.id);
});

test("an API key ends no session of its owner", async () => {
  const admin = await logInAsAdmin(cluster);
  const key = await admin.send("POST", "/api-keys", { name: "k", roles: [{ role: "site_admin", tenantId: null }] });
  const program = caller(cluster, { authorization: `Bearer ${key.json.key}` });
  const [session] = (await program.send("GET", "/sessions")).json.items;
  expect(session.current).toBe(false);
  expect((await program.send("DELETE", `/sessions/${session.id}`)).json.code).toBe("session_required");
  expect((await program.send("DELETE", "/sessions")).json.code).toBe("session_required");
});

test("an administrator ends a user's sessions; the user can log in again", async () => {
  const admin = await logInAsAdmin(cluster);
  const user = await makeUser(cluster, admin, "ulla", [{ role: "auditor", tenantId: null }]);
  expect((await user.send("DELETE", `/users/${user.id}/sessions`)).json.code).toBe("permission_missing");
  expect((await admin.send("DELETE", `/users/${user.id}/sessions`)).status).toBe(204);
  expect((await user.send("GET", "/session")).status).toBe(401);
  await logIn(cluster, "ulla", "the password of ulla");
  const [entry] = (await admin.send("GET", "/audit?action=user.end-sessions&limit=1")).json.items;
  expect(entry).toMatchObject({ who: { name: "admin" }, target: { id: user.id } });
});

test("neither passwords nor cookies nor keys reach the log or the database", async () => {
  const admin = await logInAsAdmin(cluster);
  const key = await admin.send("POST", "/api-keys", { name: "k", roles: [{ role: "auditor", tenantId: null }] });
  await caller(cluster, { authorization: `Bearer ${key.json.key}` }).send("GET", "/session");
  const files = readdirSync(cluster.directory).filter((name) => name.startsWith("postern.db"));
  const stored = files.map((name) => readFileSync(`${cluster.directory}/${name}`, "latin1"));
  for (const table of await cluster.database.tables()) {
    stored.push(JSON.stringify(await cluster.database.query(`select * from "${table}"`)));
  }
  for (const text of [cluster.log(), ...stored]) {
    expect(text).not.toContain(adminPassword);
    expect(text).not.toContain(key.json.key);
  }
});
