import { formatActivationKey, parseActivationKey } from "@postern/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Caller, logInAsAdmin, makeUser, startTestCluster, type TestCluster } from "../test-cluster.fixture.ts";
import { enrol, newEnrolAttempt, postMessage, tryEnrol, windowsFacts } from "./fake-agent.fixture.ts";
import { breakCommits, makeActivationKey, makeTenant, mendCommits, type TestTenant } from "./scene.fixture.ts";

let cluster: TestCluster;
let admin: Caller;
let acme: TestTenant;

beforeAll(async () => {
  cluster = await startTestCluster();
  admin = await logInAsAdmin(cluster);
  acme = await makeTenant(admin, "Acme");
});

afterAll(() => cluster.close());

/** The key with one part exchanged. */
function altered(activationKey: string, change: object): string {
  const key = parseActivationKey(activationKey);
  if (!key) throw new Error("not an activation key");
  return formatActivationKey({ ...key, ...change });
}

test("an agent enrols into the tenant of its key, and knows the cluster by the root that the key names", async () => {
  const agent = await enrol(cluster.url, await makeActivationKey(admin, acme.id));
  expect(agent.tenantId).toBe(acme.id);
  expect(agent.applied.cfg.serviceProtection.on).toBe(false);
  const { json } = await admin.send("GET", `/agents/${agent.agentId}`);
  expect(json).toMatchObject({
    tenant: { id: acme.id, name: "Acme" },
    profile: { id: acme.profileId, name: "Default" },
    hostName: "db-07",
    facts: windowsFacts,
    protection: null,
    state: "active",
    identityThumbprint: agent.identityKey.kid,
    config: { desiredRev: agent.applied.rev, appliedRev: 0, refused: null },
    trustBundle: { current: 1, acknowledged: 0 },
  });
});

test("the same request again gives the same agent and costs one use", async () => {
  const key = await makeActivationKey(admin, acme.id, { maxUses: 1 });
  const attempt = newEnrolAttempt();
  const first = await tryEnrol(cluster.url, key, attempt);
  const second = await tryEnrol(cluster.url, key, attempt);
  expect([first.status, second.status]).toEqual([201, 201]);
  expect(second.agent?.agentId).toBe(first.agent?.agentId);
  const { json } = await admin.send("GET", `/activation-keys?tenantId=${acme.id}&limit=1`);
  expect(json.items[0]).toMatchObject({ uses: 1, maxUses: 1, state: "used_up" });
});

test("a request id cannot be used to become somebody else's agent, nor an identity key twice", async () => {
  const key = await makeActivationKey(admin, acme.id);
  const attempt = newEnrolAttempt();
  await tryEnrol(cluster.url, key, attempt);
  const stranger = { ...newEnrolAttempt(), requestId: attempt.requestId };
  expect(await tryEnrol(cluster.url, key, stranger)).toEqual({ status: 409, code: "enrolment_conflict" });
  const again = { ...newEnrolAttempt(), identityKey: attempt.identityKey };
  expect(await tryEnrol(cluster.url, key, again)).toEqual({ status: 409, code: "enrolment_conflict" });
});

test("who cannot prove the secret does not learn whether the key exists, or what became of it", async () => {
  const key = await makeActivationKey(admin, acme.id);
  const id = parseActivationKey(key)?.id;
  const wrongSecret = altered(key, { secret: "A".repeat(43) });
  const unknown = altered(key, { id: "0193f0a0-0000-7000-8000-000000000001" });
  const refused = { status: 403, code: "activation_key_invalid" };
  expect(await tryEnrol(cluster.url, wrongSecret, newEnrolAttempt())).toEqual(refused);
  expect(await tryEnrol(cluster.url, unknown, newEnrolAttempt())).toEqual(refused);
  await admin.send("DELETE", `/activation-keys/${id}`);
  expect(await tryEnrol(cluster.url, wrongSecret, newEnrolAttempt())).toEqual(refused);
});

test("a revoked key admits nobody, and its owner's audit log says so", async () => {
  const key = await makeActivationKey(admin, acme.id, { description: "lost" });
  const attempt = newEnrolAttempt();
  await tryEnrol(cluster.url, key, attempt);
  await admin.send("DELETE", `/activation-keys/${parseActivationKey(key)?.id}`);
  const refused = { status: 403, code: "activation_key_revoked" };
  expect(await tryEnrol(cluster.url, key, newEnrolAttempt())).toEqual(refused);
  expect(await tryEnrol(cluster.url, key, attempt)).toEqual(refused);
  const { json } = await admin.send("GET", `/audit?tenantId=${acme.id}&action=agent.enrol&outcome=refused&limit=1`);
  expect(json.items).toMatchObject([{ why: "activation_key_revoked", who: { kind: "nobody" } }]);
});

test("a key ends by itself after seven days", async () => {
  const key = await makeActivationKey(admin, acme.id);
  const week = 7 * 24 * 60 * 60_000;
  cluster.advance(week - 60_000);
  expect((await tryEnrol(cluster.url, key, newEnrolAttempt())).status).toBe(201);
  cluster.advance(60_000);
  const late = await tryEnrol(cluster.url, key, newEnrolAttempt());
  cluster.advance(-week);
  expect(late).toEqual({ status: 403, code: "activation_key_expired" });
});

test("of many agents at once on the last use, one is admitted", async () => {
  const key = await makeActivationKey(admin, acme.id, { maxUses: 1 });
  const results = await Promise.all(Array.from({ length: 8 }, () => tryEnrol(cluster.url, key, newEnrolAttempt())));
  const codes = results.map((result) => result.code ?? "admitted").sort();
  expect(codes).toEqual([...Array.from({ length: 7 }, () => "activation_key_used_up"), "admitted"]);
});

test("no agent is admitted whose admission cannot be entered in the audit log", async () => {
  const key = await makeActivationKey(admin, acme.id, { maxUses: 1 });
  await breakCommits(cluster);
  const failed = await tryEnrol(cluster.url, key, newEnrolAttempt());
  await mendCommits(cluster);
  expect(failed).toEqual({ status: 500, code: "internal" });
  expect((await tryEnrol(cluster.url, key, newEnrolAttempt())).status).toBe(201);
});

test("the secret is shown once and stored nowhere", async () => {
  const key = await makeActivationKey(admin, acme.id);
  const secret = parseActivationKey(key)?.secret ?? "";
  expect(JSON.stringify((await admin.send("GET", "/activation-keys")).json)).not.toContain(secret);
  expect(JSON.stringify(await cluster.database.query("select * from activation_key"))).not.toContain(secret);
  expect(JSON.stringify(await cluster.database.query("select * from audit_entry"))).not.toContain(secret);
  expect(cluster.log()).not.toContain(secret);
});

test.each([
  [{ maxUses: 0 }, "/maxUses"],
  [{ expiresAt: "2020-01-01T00:00:00.000Z" }, "/expiresAt"],
  [{ expiresAt: "2099-01-01T00:00:00.000Z" }, "/expiresAt"],
  [{ expiresAt: "soon" }, "/expiresAt"],
  [{ secret: "mine" }, "/secret"],
])("an activation key with %j is refused", async (change, pointer) => {
  const { json } = await admin.send("POST", "/activation-keys", { tenantId: acme.id, ...change });
  expect(json).toMatchObject({ status: 400, code: "validation_failed", errors: [{ pointer }] });
});

test("an installer makes and revokes keys of his tenant, and sees none of another", async () => {
  const other = await makeTenant(admin, "Umbrella");
  const installer = await makeUser(cluster, admin, "installer", [{ role: "agent_installer", tenantId: other.id }]);
  const foreignKey = parseActivationKey(await makeActivationKey(admin, acme.id))?.id;
  expect((await installer.send("DELETE", `/activation-keys/${foreignKey}`)).json).toMatchObject({ status: 404 });
  expect((await installer.send("POST", "/activation-keys", { tenantId: acme.id })).json).toMatchObject({ status: 404 });
  const own = await installer.send("POST", "/activation-keys", { tenantId: other.id });
  expect(own.json).toMatchObject({ maxUses: 1, uses: 0, state: "usable", createdBy: "installer" });
  const listed = (await installer.send("GET", "/activation-keys")).json.items;
  expect(listed.map((key: { id: string }) => key.id)).toEqual([own.json.id]);
  expect((await installer.send("DELETE", `/activation-keys/${own.json.id}`)).status).toBe(204);
});

test.each([
  ["no signed message", "hello", {}, 400, "message_refused"],
  ["another protocol", "hello", { "postern-protocol": "2" }, 426, "protocol_unsupported"],
  ["a compressed body", "hello", { "content-encoding": "gzip" }, 415, "encoding_unsupported"],
  ["a body over its limit", "x".repeat(70_000), {}, 413, "body_too_large"],
])("%s is answered with a code", async (_, message, headers, status, code) => {
  const response = await postMessage(`${cluster.url}/agent/v1/enroll`, message, { headers });
  expect(await response.json()).toMatchObject({ status, code });
});
