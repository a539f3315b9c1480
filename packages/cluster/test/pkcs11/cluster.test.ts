import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { toUnixSeconds, verify } from "@postern/token";
import { afterAll, beforeAll, expect, test } from "vitest";
import { enrol, type FakeAgent } from "../../src/check-in/fake-agent.fixture.ts";
import { type Caller, call, logInAsAdmin } from "../http-client.ts";
import { posternProgram, type RunningCluster, startCluster } from "../running-cluster.ts";
import { makeSoftHsm } from "./soft-hsm.ts";

const hsm = makeSoftHsm();
const pinFile = join(hsm.directory, "pin");
const env = {
  ...hsm.env,
  POSTERN_PKCS11_MODULE: hsm.modulePath,
  POSTERN_PKCS11_TOKEN: "postern",
  POSTERN_PKCS11_PIN_FILE: pinFile,
};
let cluster: RunningCluster;
let admin: Caller;
let agent: FakeAgent;

beforeAll(async () => {
  hsm.makeToken("postern");
  await writeFile(pinFile, `${hsm.pin}\n`, { mode: 0o600 });
  cluster = await startCluster({ env });
  admin = await logInAsAdmin(cluster);
  const { id } = await call<{ id: string }>(cluster, admin, "POST", "/tenants", { name: "acme" });
  const { key } = await call<{ key: string }>(cluster, admin, "POST", "/activation-keys", { tenantId: id });
  agent = await enrol(cluster.url, key);
  await checkIn();
});
afterAll(async () => {
  await cluster.remove();
  hsm.remove();
});

/** As one that has applied nothing: the cluster answers at once instead of holding the check-in. */
async function checkIn(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await agent.checkIn({ applied: { rev: 0 } });
}

interface Key {
  readonly kid: string;
  readonly use: string;
  readonly state: string;
}

async function keys(use: string): Promise<Key[]> {
  return (await call<{ items: Key[] }>(cluster, admin, "GET", `/keys?use=${use}&sort=createdAt`)).items;
}

function isFile(kid: string): boolean {
  return existsSync(join(cluster.directory, "data/keys", `${kid}.json`));
}

function postern(args: readonly string[], change: Record<string, string> = {}) {
  const all = { PATH: process.env["PATH"], HOME: cluster.directory, ...env, ...change };
  const ran = spawnSync(process.execPath, [posternProgram, ...args], { env: all, encoding: "utf8" });
  return { code: ran.status, out: ran.stdout.trim(), said: ran.stderr };
}

async function expectAccepted(token: string): Promise<void> {
  const { clusterId, tokenKeys } = agent.bundle;
  const { tenantId, agentId } = agent;
  const now = toUnixSeconds(Date.now());
  expect(verify(token, { tokenKeys, clusterId, tenantId, agentId, now }).aud).toBe(`agent:${agentId}`);
}

function generate() {
  const body = { kind: "agent", agentId: agent.agentId, reason: "disk full" };
  return call<{ id: string; token: string }>(cluster, admin, "POST", "/agent-tokens", body);
}

test("root and token keys are in the module: tokens, restarts, rotations and root changes go on from there", async () => {
  const [first] = await keys("token");
  for (const { kid } of [...(await keys("root")), ...(await keys("token"))]) expect(isFile(kid), kid).toBe(false);
  for (const { kid } of [...(await keys("config")), ...(await keys("audit"))]) expect(isFile(kid), kid).toBe(true);
  const made = await generate();
  await expectAccepted(made.token);

  await cluster.stop();
  await cluster.start();
  admin = await logInAsAdmin(cluster);
  expect(await call(cluster, admin, "GET", `/agent-tokens/${made.id}`)).toMatchObject({ token: made.token });

  const rotated = await call<{ made: Key }>(cluster, admin, "POST", "/keys/token/rotate", { reason: "yearly" });
  expect(rotated.made.kid).not.toBe(first?.kid);
  expect(isFile(rotated.made.kid)).toBe(false);
  await checkIn();
  expect([...agent.bundle.tokenKeys.keys()]).toContain(rotated.made.kid);
  await expectAccepted((await generate()).token);

  const prepared = await call<{ kid: string }>(cluster, admin, "POST", "/keys/roots/prepare", { reason: "a drill" });
  const change = { reason: "a drill", firstRoot: prepared.kid, compromised: false };
  await call(cluster, admin, "POST", "/keys/roots/change", change);
  expect(isFile(prepared.kid)).toBe(false);
  await checkIn();
  expect(agent.bundle.pinned.version).toBe(1);
  expect(readdirSync(join(cluster.directory, "data/keys")).filter((name) => name.length === 48)).toHaveLength(2);
});

test("with the cluster down, a token comes from the module, too", async () => {
  await cluster.stop();
  const args = ["token", "generate", "--offline", "--reason", "cluster lost", "--agent", agent.agentId];
  const made = postern([...args, "--keys", join(cluster.directory, "data/keys")]);
  expect(made).toMatchObject({ code: 0 });
  await expectAccepted(made.out);
  await cluster.start();
  admin = await logInAsAdmin(cluster);
});

test("a wrong PIN, a missing token and a missing setting keep the node from starting, in plain words", async () => {
  await cluster.stop();
  const serve = (change: Record<string, string>) =>
    postern(["serve"], {
      POSTERN_DATA: join(cluster.directory, "data"),
      POSTERN_LISTEN: "127.0.0.1:0",
      ...change,
    });
  const wrongPin = join(hsm.directory, "wrong-pin");
  await writeFile(wrongPin, "1234-5678\n");
  expect(serve({ POSTERN_PKCS11_PIN_FILE: wrongPin })).toMatchObject({
    code: 2,
    said: expect.stringMatching(/^postern: The PIN of the PKCS#11 token "postern" is wrong/),
  });
  expect(serve({ POSTERN_PKCS11_TOKEN: "elsewhere" }).said).toContain('no token with the label "elsewhere"');
  expect(serve({ POSTERN_PKCS11_TOKEN: "" }).said).toContain("POSTERN_PKCS11_TOKEN is missing");
  const without = { POSTERN_PKCS11_MODULE: "", POSTERN_PKCS11_TOKEN: "", POSTERN_PKCS11_PIN_FILE: "" };
  expect(serve(without).said).toContain("made in a PKCS#11 module");
  hsm.removeTokens();
  expect(serve({}).said).toContain("It has none at all");
});
