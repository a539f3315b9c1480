import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { enrol, type FakeAgent, newEnrolAttempt, tryEnrol } from "../check-in/fake-agent.fixture.ts";
import { makeActivationKey, makeTenant, type TestTenant } from "../check-in/scene.fixture.ts";
import { packageLimits } from "../packages/limits.ts";
import { sampleMsi } from "../packages/msi.fixture.ts";
import { type Caller, caller, logInAsAdmin, startTestCluster, type TestCluster } from "../test-cluster.fixture.ts";
import { backUp, loseDataDirectory, putBack } from "./scene.fixture.ts";
import { TargetOccupied } from "./target.ts";

const reason = "a drill of the restore";
/** Agents are answered at once. */
const polling = { holdMs: 0, pollMs: 30_000 };

let cluster: TestCluster;
let admin: Caller;
let acme: TestTenant;
let activationKey: string;
let path: string;

beforeEach(async () => {
  cluster = await startTestCluster({ timing: polling });
  admin = await logInAsAdmin(cluster);
  acme = await makeTenant(admin, "Acme");
  activationKey = await makeActivationKey(admin, acme.id);
  path = join(cluster.directory, "../kept.backup");
});
afterEach(() => cluster.close());

function protect(change: object) {
  return admin.send("PATCH", `/profiles/${acme.profileId}`, { serviceProtection: change });
}

async function tokenFor({ agentId }: FakeAgent): Promise<{ id: string; token: string }> {
  return (await admin.send("POST", "/agent-tokens", { kind: "agent", agentId, reason })).json;
}

/** Restores the backup and starts the cluster again; whoever has a session, has one no more. */
async function restore(change: Parameters<typeof putBack>[2] = {}) {
  let restored: Awaited<ReturnType<typeof putBack>> | undefined;
  await cluster.restart(async () => {
    restored = await putBack(cluster, path, change);
  });
  const old = admin;
  expect((await old.send("GET", "/session")).status, "sessions have ended").toBe(401);
  admin = await logInAsAdmin(cluster);
  if (restored === undefined) throw new Error("nothing was restored");
  return restored;
}

test("agents that are newer than the backup go on: journal, config, trust bundle", async () => {
  await protect({ on: true, liftSeconds: 61 });
  const agent = await enrol(cluster.url, activationKey);
  for (let count = 0; count < 3; count++) agent.journal("drift");
  expect((await agent.checkIn()).answer?.journalAcked).toBe(3);
  await backUp(cluster, path);

  await protect({ liftSeconds: 62 });
  const { id: jti } = await tokenFor(agent);
  for (const use of ["token", "config", "token"]) await admin.send("POST", `/keys/${use}/rotate`, { reason });
  for (let count = 0; count < 4; count++) agent.journal(count === 0 ? "redeemed" : "drift", { jti });
  expect((await agent.checkIn()).answer?.journalAcked).toBe(7);
  await agent.checkIn();
  const before = { rev: agent.applied.rev, bundle: agent.bundle.version };
  expect(before.bundle).toBe(4);

  const { trustBundleVersion } = await restore();
  agent.moveTo(cluster.url);
  const back = await agent.checkIn();
  expect(back.status).toBe(200);
  expect(back.answer?.journalAcked, "the cluster says what it has").toBe(3);
  expect(agent.bundle.version).toBe(trustBundleVersion);
  expect(agent.bundle.version).toBeGreaterThan(before.bundle);
  expect(agent.applied.rev).toBeGreaterThan(before.rev);
  expect(agent.applied.cfg.serviceProtection).toMatchObject({ on: true, liftSeconds: 61 });

  agent.journal("drift", { layer: "x" });
  expect((await agent.checkIn()).answer?.journalAcked, "what was forgotten does not hold up the rest").toBe(8);
  agent.journal("drift");
  expect((await agent.checkIn()).answer?.journalAcked).toBe(9);
  const { items } = (await admin.send("GET", `/agents/${agent.agentId}/journal`)).json;
  expect(items.map(({ seq, linked }: { seq: number; linked: boolean }) => [seq, linked])).toEqual([
    [9, true],
    [8, false],
    [3, true],
    [2, true],
    [1, true],
  ]);

  await protect({ liftSeconds: 63 });
  await agent.checkIn();
  expect(agent.applied.cfg.serviceProtection.liftSeconds).toBe(63);
  expect((await admin.send("POST", "/keys/token/rotate", { reason })).json.trustBundleVersion).toBe(
    (trustBundleVersion ?? 0) + 1,
  );
  await agent.checkIn();
  expect(agent.bundle.version).toBe((trustBundleVersion ?? 0) + 1);
  expect((await admin.send("POST", "/agent-tokens", { kind: "agent", agentId: agent.agentId, reason })).status).toBe(
    201,
  );
});

test("a restore from a time without protection takes it from nobody; a user does", async () => {
  const [held, free] = [await enrol(cluster.url, activationKey), await enrol(cluster.url, activationKey)];
  await backUp(cluster, path);
  await protect({ on: true });
  await held.checkIn();
  expect(held.applied.cfg.serviceProtection.on).toBe(true);
  await restore();
  for (const agent of [held, free]) {
    agent.moveTo(cluster.url);
    for (let count = 0; count < 2; count++) await agent.checkIn();
  }
  expect(held.applied.cfg.serviceProtection.on, "was protected").toBe(true);
  expect(free.applied.cfg.serviceProtection.on, "was not yet").toBe(false);
  const seen = (await admin.send("GET", `/agents/${held.agentId}/config`)).json;
  expect(seen).toMatchObject({ applied: true, config: { serviceProtection: { on: true } } });
  const { items } = (await admin.send("GET", "/audit?action=agent.keep-protection")).json;
  expect(items).toMatchObject([{ tenantId: acme.id, target: { id: held.agentId } }]);

  const { rev } = held.applied;
  await admin.send("PUT", "/cluster/urls", { urls: ["https://new.example.com"] });
  await held.checkIn();
  expect(held.applied.rev).toBeGreaterThan(rev);
  expect(held.applied.cfg.serviceProtection.on, "another address is nobody's word on protection").toBe(true);
  await admin.send("PUT", "/cluster/urls", { urls: [] });

  await protect({ liftSeconds: 61 });
  await held.checkIn();
  expect(held.applied.cfg.serviceProtection, "somebody has looked at the profile").toMatchObject({ on: false });
});

test("agent packages come back byte by byte", async () => {
  const { key } = (
    await admin.send("POST", "/api-keys", { name: "release", roles: [{ role: "site_admin", tenantId: null }] })
  ).json;
  // Of more parts than are read at one time, with every byte in it.
  const bytes = Buffer.concat([sampleMsi(), randomBytes(20 * packageLimits.partBytes)]);
  const added = await fetch(`${cluster.url}/api/v1/agent-packages`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/octet-stream" },
    body: bytes,
  });
  expect(added.status).toBe(201);
  const { id, path: at } = (await added.json()) as { id: string; path: string };
  await backUp(cluster, path);
  await admin.send("DELETE", `/agent-packages/${id}`);
  expect((await fetch(`${cluster.url}${at}`)).status).toBe(404);
  await restore();
  const fetched = await fetch(`${cluster.url}${at}`);
  expect(Buffer.from(await fetched.arrayBuffer()).equals(bytes)).toBe(true);
});

test("agents that enrolled after the backup are rebuilt from what the cluster signed for them, protected as they were", async () => {
  await backUp(cluster, path);
  await protect({ on: true });
  const agent = await enrol(cluster.url, activationKey, { hostName: "later-1" });
  for (let count = 0; count < 3; count++) agent.journal("drift");
  expect((await agent.checkIn()).answer?.journalAcked).toBe(3);
  await restore();
  agent.moveTo(cluster.url);
  expect(await agent.checkIn()).toMatchObject({ status: 401 });
  const { facts } = newEnrolAttempt({ hostName: "later-1" });
  expect((await agent.checkIn({ identity: agent.identity, facts })).status).toBe(200);
  await agent.checkIn();
  expect((await admin.send("GET", `/agents/${agent.agentId}`)).json).toMatchObject({
    hostName: "later-1",
    state: "restored",
    tenantId: acme.id,
  });
  expect(agent.applied.cfg.serviceProtection.on, "the restored profile says off, and nobody has switched it off").toBe(
    true,
  );
  agent.journal("drift");
  expect((await agent.checkIn()).answer?.journalAcked).toBe(4);
  await protect({ liftSeconds: 61 });
  await agent.checkIn();
  expect(agent.applied.cfg.serviceProtection.on).toBe(false);
});

test("a hole in a journal is passed over once, and by agents of before only", async () => {
  const [known, other] = [await enrol(cluster.url, activationKey), await enrol(cluster.url, activationKey)];
  await backUp(cluster, path);
  await restore();
  const skip = (agent: FakeAgent, count: number) => {
    const entries = Array.from({ length: count }, () => agent.journal("drift"));
    return agent.checkIn({ journal: { id: agent.journalId, entries: entries.slice(-1) } });
  };
  for (const agent of [known, other]) agent.moveTo(cluster.url);
  expect((await skip(known, 5)).answer?.journalAcked).toBe(5);
  expect((await skip(known, 5)).answer?.journalAcked, "a second hole is none of the restore's").toBe(5);
  expect((await other.checkIn()).answer?.journalAcked).toBe(0);
  cluster.advance(1);
  const later = await enrol(cluster.url, await makeActivationKey(admin, acme.id));
  expect((await skip(later, 5)).answer?.journalAcked, "enrolled after the restore").toBe(0);
});

test("from the backup and the key file alone, on an empty machine", async () => {
  const agent = await enrol(cluster.url, activationKey);
  await agent.checkIn();
  const kept = await tokenFor(agent);
  await backUp(cluster, path);
  await admin.send("POST", "/keys/config/rotate", { reason });
  await admin.send("POST", "/keys/config/rotate", { reason });
  await agent.checkIn();
  const keyFile = join(cluster.directory, "../store.key");
  await cluster.restart(async () => {
    loseDataDirectory(cluster, keyFile);
    await expect(putBack(cluster, path)).rejects.toThrow(/sealed by the key file store.key.*--key-file/);
    await expect(putBack(cluster, path, { keyFile: path })).rejects.toThrow(/key file .* is damaged/);
    const restored = await putBack(cluster, path, { keyFile });
    expect(restored.replacedIn).toBe(null);
  });
  admin = await logInAsAdmin(cluster);
  agent.moveTo(cluster.url);
  expect((await agent.checkIn()).status).toBe(200);
  expect((await agent.checkIn()).status).toBe(200);
  const again = await admin.send("GET", `/agent-tokens/${kept.id}`);
  expect(again.json.token).toBe(kept.token);
  for (const name of ["keys/store.key", "keys/store.json"]) {
    expect(statSync(join(cluster.directory, name)).mode & 0o777).toBe(0o600);
  }
});

test("a restored cluster's audit chains hold, and say what was lost", async () => {
  await backUp(cluster, path);
  const before = (await admin.send("GET", `/audit?tenantId=${acme.id}`)).json.items;
  await makeTenant(admin, "Later");
  await makeActivationKey(admin, acme.id);
  await restore();
  expect((await admin.send("GET", "/audit/verification")).json).toMatchObject({ intact: true });
  const { items } = (await admin.send("GET", "/audit?action=cluster.restore")).json;
  expect(items.map(({ tenantId }: { tenantId: string | null }) => tenantId).sort()).toEqual([acme.id, null].sort());
  const ofAcme = items.find(({ tenantId }: { tenantId: string }) => tenantId === acme.id);
  expect(ofAcme).toMatchObject({ seq: before.length + 1, details: { lastKeptSeq: before.length } });
  expect((await admin.send("GET", "/tenants")).json.items).toHaveLength(1);
});

test("activation keys that may be spent or revoked by now admit nobody, unless somebody vouches for them", async () => {
  const spent = await makeActivationKey(admin, acme.id, { maxUses: 1 });
  await enrol(cluster.url, spent);
  await backUp(cluster, path);
  const { revokedActivationKeys } = await restore();
  expect(revokedActivationKeys).toMatchObject([{ tenant: "Acme", tenantId: acme.id }]);
  const code = async (key: string) => (await tryEnrol(cluster.url, key, newEnrolAttempt())).code;
  expect(await code(activationKey)).toBe("activation_key_revoked");
  expect(await code(spent)).toBe("activation_key_used_up");
  await restore({ keepActivationKeys: true });
  expect(await code(activationKey)).toBe(undefined);
});

test("API keys come back, also a revoked one, are told, and can be revoked all together", async () => {
  const made = await admin.send("POST", "/api-keys", {
    name: "for the drill",
    roles: [{ role: "auditor", tenantId: null }],
    validDays: 30,
  });
  expect(made.status, JSON.stringify(made.json)).toBe(201);
  await backUp(cluster, path);
  const bearer = caller(cluster, { authorization: `Bearer ${made.json.key}` });
  await admin.send("DELETE", `/api-keys/${made.json.id}`);
  expect((await bearer.send("GET", "/tenants")).status).toBe(401);
  expect((await restore()).apiKeys).toMatchObject([{ id: made.json.id, name: "for the drill", user: "admin" }]);
  expect((await bearer.send("GET", "/tenants")).status).toBe(200);
  await restore({ revokeApiKeys: true });
  expect((await bearer.send("GET", "/tenants")).status).toBe(401);
});

test("a cluster that is there stays, unless it may be replaced", async () => {
  await backUp(cluster, path);
  const refused = putBack(cluster, path);
  await expect(refused, "a running cluster is left alone").rejects.toThrow(/in use/);
  await makeTenant(admin, "Later");
  await cluster.restart(async () => {
    const error = await putBack(cluster, path, { replace: false }).catch((one: unknown) => one);
    expect(error).toBeInstanceOf(TargetOccupied);
    const { occupant } = error as TargetOccupied;
    expect(occupant).toMatchObject({ counts: expect.arrayContaining([{ name: "tenant", rows: 2 }]) });
  });
  expect((await admin.send("GET", "/tenants")).json.items, "nothing was changed").toHaveLength(2);
  const { replacedIn } = await restore();
  expect((await admin.send("GET", "/tenants")).json.items).toHaveLength(1);
  if (replacedIn === null) expect(cluster.database.url).not.toBe(null);
  else expect(existsSync(join(replacedIn, "postern.db"))).toBe(true);
});

test("a backup has no session and nothing that opens its keys, and only its owner can read it", async () => {
  const { manifest } = await backUp(cluster, path);
  expect(manifest.tables.map(({ name }) => name)).not.toContain("session");
  expect(manifest.keyFiles.map(({ name }) => name)).toContain("store.json");
  expect(manifest.keyFiles).toHaveLength(5);
  const secret = readFileSync(join(cluster.directory, "keys/store.key"), "utf8").trim();
  expect(JSON.stringify(manifest)).not.toContain(secret);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await expect(backUp(cluster, path)).rejects.toThrow(/is there already/);
});
