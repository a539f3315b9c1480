import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sealRootChange, signerOf } from "@postern/protocol";
import { issuerOf, type Signer } from "@postern/token";
import { afterAll, beforeAll, expect, test } from "vitest";
import { enrol, type FakeAgent, newEnrolAttempt, tryEnrol } from "../check-in/fake-agent.fixture.ts";
import { makeActivationKey, makeTenant } from "../check-in/scene.fixture.ts";
import { type Caller, logInAsAdmin, makeUser, startTestCluster, type TestCluster } from "../test-cluster.fixture.ts";
import { exportNewRoot, openRootFile } from "./root-file.ts";

const reason = "the disk was stolen";
let cluster: TestCluster;
let admin: Caller;
let tenantId: string;
/** The offline second root of now. */
let second: Signer;
beforeAll(async () => {
  cluster = await startTestCluster({ timing: { holdMs: 0, pollMs: 1_000 } });
  admin = await logInAsAdmin(cluster);
  tenantId = (await makeTenant(admin, "Acme")).id;
  const file = readFileSync(join(cluster.directory, "second-root-key.json"), "utf8");
  second = (await openRootFile(file, null)).signer;
});
afterAll(() => cluster.close());

async function roots() {
  return (await admin.send("GET", "/keys/roots")).json;
}

async function prepare() {
  const { status, json } = await admin.send("POST", "/keys/roots/prepare", { reason });
  expect(status).toBe(201);
  return json as { kid: string; rootsVersion: number; clusterId: string };
}

/** As `postern key root change` does it; with `by` the change is signed there and not by the node. */
async function change(by: Signer | null = null) {
  const prepared = await prepare();
  const next = by === null ? null : await exportNewRoot(prepared.clusterId, randomBytes, null);
  const signed =
    by &&
    (await sealRootChange(
      { iss: issuerOf(prepared.clusterId), ver: prepared.rootsVersion, iat: 1, roots: [prepared.kid, next?.kid ?? ""] },
      by,
    ));
  const answer = await admin.send("POST", "/keys/roots/change", {
    reason,
    firstRoot: prepared.kid,
    compromised: by !== null,
    ...(next && { secondRoot: next.publicJwk, change: signed }),
  });
  if (answer.status === 200 && next) second = (await openRootFile(next.text, null)).signer;
  return answer;
}

async function newAgent(): Promise<FakeAgent> {
  const agent = await enrol(cluster.url, await makeActivationKey(admin, tenantId), {
    machineId: randomBytes(4).toString("hex"),
  });
  await checkIn(agent);
  return agent;
}

/** Once to hear of what is new, once to acknowledge it. */
async function checkIn(agent: FakeAgent): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) expect((await agent.checkIn()).answer).toBeDefined();
}

const pinned = (agent: FakeAgent) => [...agent.bundle.pinned.thumbprints];
const shown = (json: { roots: { kid: string }[] }) => json.roots.map(({ kid }) => kid);

test("agents follow root changes, and so does one that was away during two of them, by either root", async () => {
  const connected = await newAgent();
  const away = await newAgent();
  const before = await roots();
  expect(before).toMatchObject({ rootsVersion: 0, changesLeft: 24, usableActivationKeys: expect.any(Number) });
  expect(pinned(away)).toEqual(shown(before));

  const planned = await change();
  expect(planned).toMatchObject({ status: 200, json: { rootsVersion: 1 } });
  expect((await roots()).agents).toEqual({ count: 2, behind: 2 });
  await checkIn(connected);
  expect(pinned(connected)).toEqual(planned.json.roots);
  expect((await roots()).agents).toEqual({ count: 2, behind: 1 });

  const recovered = await change(second);
  expect(recovered).toMatchObject({ status: 200, json: { rootsVersion: 2 } });
  await checkIn(connected);
  await checkIn(away);
  for (const agent of [connected, away]) {
    expect(pinned(agent)).toEqual(recovered.json.roots);
    expect(agent.bundle.pinned.version).toBe(2);
  }
  const now = await roots();
  expect(shown(now)).toEqual(recovered.json.roots);
  expect(now.roots).toMatchObject([
    { isFirst: true, isHere: true },
    { isFirst: false, isHere: false },
  ]);
  const { items } = (await admin.send("GET", "/keys?use=root&sort=createdAt")).json;
  const states = new Map(items.map(({ kid, state }: { kid: string; state: string }) => [kid, state]));
  expect(states.get(shown(before)[0])).toBe("retired");
  expect(states.get(planned.json.roots[0])).toBe("compromised");

  // The keys below the roots go on: a rotation is signed by the new root, and a restart finds it.
  expect((await admin.send("POST", "/keys/config/rotate", { reason })).status).toBe(201);
  await checkIn(away);
  expect(away.bundle.pinned.version).toBe(2);
  await cluster.restart();
  admin = await logInAsAdmin(cluster);
  for (const agent of [connected, away]) agent.moveTo(cluster.url);
  expect((await admin.send("POST", "/keys/token/rotate", { reason })).status).toBe(201);
  await checkIn(connected);
  const { items: audited } = (await admin.send("GET", "/audit?action=key.change-roots&sort=at")).json;
  expect(audited).toMatchObject([
    { outcome: "done", why: reason, details: { rootsVersion: 1, signedBy: shown(before)[0], compromised: false } },
    { outcome: "done", details: { rootsVersion: 2, signedBy: shown(before)[1], compromised: true } },
  ]);
});

test("an activation key of before enrols when its root signed the change, and is refused by the agent when not", async () => {
  const old = await makeActivationKey(admin, tenantId, { maxUses: 2 });
  await change();
  const led = await enrol(cluster.url, old, { machineId: "led" });
  await checkIn(led);
  expect(pinned(led)).toEqual(shown(await roots()));

  const lost = await makeActivationKey(admin, tenantId);
  expect((await change(second)).status).toBe(200);
  const enrolling = tryEnrol(cluster.url, lost, newEnrolAttempt());
  await expect(enrolling).rejects.toThrow(expect.objectContaining({ reason: "unknown_key" }));
  // The root that the older key names did sign, and for the second root, too, which signed the next change.
  expect(pinned(await enrol(cluster.url, old, { machineId: "led far" }))).toEqual(shown(await roots()));
  const fresh = await newAgent();
  expect(pinned(fresh)).toEqual(shown(await roots()));
});

test("what agents would not follow is refused, and changes nothing", async () => {
  const before = await roots();
  const { kid, rootsVersion, clusterId } = await prepare();
  const iss = issuerOf(clusterId);
  const stranger = signerOf(generateKeyPairSync("ed25519").privateKey);
  const next = await exportNewRoot(clusterId, randomBytes, null);
  const claims = { iss, ver: rootsVersion, iat: 1, roots: [kid, next.kid] };
  const other = issuerOf("3f1c9a52-7b1e-7c58-9d0a-6a3a5a0f0001");
  const send = (change: string, firstRoot = kid) =>
    admin.send("POST", "/keys/roots/change", {
      reason,
      firstRoot,
      secondRoot: next.publicJwk,
      change,
      compromised: true,
    });
  const refused = {
    "by a stranger": await sealRootChange(claims, stranger),
    "by the new root itself": await sealRootChange(claims, (await openRootFile(next.text, null)).signer),
    "an old one": await sealRootChange({ ...claims, ver: 1 }, second),
    "one too far": await sealRootChange({ ...claims, ver: rootsVersion + 1 }, second),
    "of another cluster": await sealRootChange({ ...claims, iss: other }, second),
    "to other roots": await sealRootChange({ ...claims, roots: [stranger.kid, next.kid] }, second),
    "no root change": "a.b.c",
  };
  for (const [name, message] of Object.entries(refused)) {
    expect((await send(message)).json, name).toMatchObject({ status: 422, code: "root_change_refused" });
  }
  const good = await sealRootChange({ ...claims, roots: [stranger.kid, next.kid] }, second);
  expect((await send(good, stranger.kid)).json.code).toBe("root_key_missing");
  const again = await admin.send("POST", "/keys/roots/change", {
    reason,
    firstRoot: shown(before)[0],
    compromised: false,
  });
  expect(again.json.code).toBe("root_change_refused");
  expect(await roots()).toEqual(before);
});

test("only who manages keys, and has just given the password, may; the refusal is in the audit log", async () => {
  const auditor = await makeUser(cluster, admin, "ada", [{ role: "auditor", tenantId: null }]);
  expect((await auditor.send("GET", "/keys/roots")).status).toBe(200);
  expect((await auditor.send("POST", "/keys/roots/prepare", { reason })).status).toBe(403);
  cluster.advance(16 * 60_000);
  expect((await admin.send("POST", "/keys/roots/prepare", { reason })).json.code).toBe("reauthentication_required");
  const change = { reason, firstRoot: "A".repeat(43), compromised: false };
  expect((await admin.send("POST", "/keys/roots/change", change)).json.code).toBe("reauthentication_required");
  admin = await logInAsAdmin(cluster);
  const { items } = (await admin.send("GET", "/audit?action=key.change-roots&outcome=refused&sort=-at")).json;
  expect(items[0]).toMatchObject({ why: "reauthentication_required" });
});

test("a root that was replaced can be destroyed, the roots of now cannot", async () => {
  const { items } = (await admin.send("GET", "/keys?use=root&state=retired&sort=createdAt")).json;
  const pathOf = (kid: string) => join(cluster.directory, "keys", `${kid}.json`);
  const first = items.find(({ kid }: { kid: string }) => existsSync(pathOf(kid)));
  const path = pathOf(first.kid);
  const destroy = (kid: string) => admin.send("POST", `/keys/${kid}/destroy`, { reason, stranded: 0 });
  expect((await destroy(first.kid)).status).toBe(200);
  expect(existsSync(path)).toBe(false);
  for (const { kid } of (await roots()).roots) expect((await destroy(kid)).json.code).toBe("key_in_use");
});

test("a second root's file is opened by its passphrase and by nothing else", async () => {
  const { text, kid } = await exportNewRoot("3f1c9a52-7b1e-7c58-9d0a-6a3a5a0f0001", randomBytes, "many words", {
    memoryKiB: 64,
    passes: 1,
    lanes: 1,
  });
  expect(text).not.toContain('"d"');
  expect((await openRootFile(text, "many words")).signer.kid).toBe(kid);
  await expect(openRootFile(text, null)).rejects.toThrow("sealed by a passphrase");
  await expect(openRootFile(text, "few words")).rejects.toThrow("does not open");
  await expect(openRootFile(text.replace(kid, "A".repeat(43)), "many words")).rejects.toThrow("does not open");
  await expect(openRootFile("{}", null)).rejects.toThrow("not the file of a second root");
});
