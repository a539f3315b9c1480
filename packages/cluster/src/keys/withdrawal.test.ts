import { randomBytes } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { enrol, type FakeAgent } from "../check-in/fake-agent.fixture.ts";
import { breakCommits, makeActivationKey, makeTenant, mendCommits } from "../check-in/scene.fixture.ts";
import { type Caller, logInAsAdmin, startTestCluster, type TestCluster } from "../test-cluster.fixture.ts";
import { type KeyStore, openKeyStore } from "./key-store.ts";

const reason = "the laptop was stolen";
let cluster: TestCluster;
let admin: Caller;
let activationKey: string;
beforeAll(async () => {
  cluster = await startTestCluster({ timing: { holdMs: 2_000, pollMs: 0 } });
  admin = await logInAsAdmin(cluster);
  activationKey = await makeActivationKey(admin, (await makeTenant(admin, "Acme")).id);
});
afterAll(() => cluster.close());

async function keyOf(use: string, state: string): Promise<string> {
  const { items } = (await admin.send("GET", `/keys?use=${use}&state=${state}&sort=-createdAt`)).json;
  return items[0]?.kid;
}

async function stateOf(kid: string): Promise<{ state: string; destroyedAt: string | null }> {
  const { items } = (await admin.send("GET", "/keys?limit=500")).json;
  return items.find((key: { kid: string }) => key.kid === kid);
}

function post(path: string, body: object = {}) {
  return admin.send("POST", path, { reason, ...body });
}

async function rotateToken(times = 1): Promise<void> {
  for (let time = 0; time < times; time += 1) expect((await post("/keys/token/rotate")).status).toBe(201);
}

async function newAgent(hostName: string): Promise<FakeAgent> {
  const agent = await enrol(cluster.url, activationKey, { hostName, machineId: hostName });
  await agent.checkIn({ applied: { rev: 0 } });
  return agent;
}

function hasFile(kid: string): boolean {
  return existsSync(join(cluster.directory, "keys", `${kid}.json`));
}

test.each(["token", "config"] as const)(
  "a compromised %s key is out of the next bundle, and a held agent has that at once",
  async (use) => {
    const agent = await newAgent(`held-${use}`);
    const kid = await keyOf(use, "active");
    const held = agent.checkIn();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const { status, json } = await post(`/keys/${kid}/compromise`);
    expect({ status, made: json.made }).toMatchObject({ status: 200, made: { use, state: "active" } });
    expect((await held).answer?.bundle).toBeDefined();
    const known = use === "token" ? agent.bundle.tokenKeys : agent.bundle.configKeys;
    expect(known.has(kid)).toBe(false);
    expect(known.has(json.made.kid)).toBe(true);
    expect((await stateOf(kid)).state).toBe("compromised");
    // Said again, nothing changes.
    expect((await post(`/keys/${kid}/compromise`)).json).toEqual({
      made: null,
      trustBundleVersion: json.trustBundleVersion,
    });
  },
);

test("a key that is only retiring or retired is withdrawn without a new one", async () => {
  await rotateToken(2);
  const [retiring, retired] = [await keyOf("token", "retiring"), await keyOf("token", "retired")];
  const active = await keyOf("token", "active");
  const first = (await post(`/keys/${retired}/compromise`)).json;
  const second = (await post(`/keys/${retiring}/compromise`)).json;
  // The bundle of now did not have the retired one.
  expect(second.trustBundleVersion).toBe(first.trustBundleVersion + 1);
  expect([first.made, second.made]).toEqual([null, null]);
  expect(await keyOf("token", "active")).toBe(active);
});

test("roots and the audit key are not withdrawn here, and what is no key is not found", async () => {
  for (const use of ["root", "audit"]) {
    const kid = await keyOf(use, "active");
    expect((await post(`/keys/${kid}/compromise`)).json.code).toBe("key_not_replaceable");
    if (use === "root") continue; // that one is in use: keys/roots.test.ts
    expect((await post(`/keys/${kid}/destroy`, { stranded: 0 })).json.code).toBe("key_not_replaceable");
  }
  expect((await post("/keys/unheard-of/compromise")).json.code).toBe("not_found");
});

test("a key is destroyed only when it is retired, and by who knows how many agents that strands", async () => {
  const away = await newAgent("away");
  await away.checkIn({ applied: { rev: 0 } });
  const kid = await keyOf("token", "active");
  // Of the two keys that it holds, this alone signs.
  for (const before of away.bundle.tokenKeys.keys()) if (before !== kid) await post(`/keys/${before}/compromise`);
  expect((await post(`/keys/${kid}/destroy`, { stranded: 1 })).json.code).toBe("key_in_use");
  await rotateToken();
  expect((await post(`/keys/${kid}/destroy`, { stranded: 1 })).json.code).toBe("key_in_use");
  await rotateToken();
  expect((await stateOf(kid)).state).toBe("retired");

  const { stranded } = (await admin.send("GET", `/keys/${kid}/reach`)).json;
  const names = stranded.agents.map(({ hostName }: { hostName: string }) => hostName);
  expect(names).toContain("away");
  expect(stranded.count).toBe(names.length);
  for (const wrong of [0, stranded.count + 1]) {
    expect((await post(`/keys/${kid}/destroy`, { stranded: wrong })).json.code).toBe("stranded_not_confirmed");
  }
  expect((await stateOf(kid)).destroyedAt).toBeNull();
  expect(hasFile(kid)).toBe(true);

  const live = (await post("/agent-tokens", { kind: "agent", agentId: away.agentId })).json;
  expect((await post(`/keys/${kid}/destroy`, { stranded: stranded.count })).status).toBe(200);
  expect((await stateOf(kid)).destroyedAt).not.toBeNull();
  expect(hasFile(kid)).toBe(false);
  const copies = await cluster.database.query(`select sealed from key_copy where kid = '${kid}'`);
  expect(copies).toEqual([{ sealed: null }]);
  expect((await admin.send("GET", `/agent-tokens/${live.id}/download`)).json.code).toBe("token_key_withdrawn");
  const target = { kind: "agent", agentId: away.agentId };
  expect((await admin.send("POST", "/agent-tokens/preview", target)).json.coverage.notReached).toEqual([
    { reason: "key_withdrawn", count: 1 },
  ]);
  const entries = (await admin.send("GET", `/audit?targetId=${kid}&action=key.destroy`)).json.items;
  expect(entries.map(({ outcome }: { outcome: string }) => outcome)).toContain("done");
  expect(entries.filter(({ why }: { why: string }) => why === "stranded_not_confirmed")).toHaveLength(2);

  // An agent that comes back is reached again.
  await away.checkIn({ applied: { rev: 0 } });
  await away.checkIn({ applied: { rev: 0 } });
  expect((await admin.send("POST", "/agent-tokens/preview", target)).json.coverage.reached).toBe(1);
});

test("a destruction that cannot be stored destroys nothing; one cut short is made up for at the next start", async () => {
  await rotateToken(2);
  const kid = await keyOf("token", "retired");
  const { stranded } = (await admin.send("GET", `/keys/${kid}/reach`)).json;
  await breakCommits(cluster);
  expect((await post(`/keys/${kid}/destroy`, { stranded: stranded.count })).status).toBe(500);
  await mendCommits(cluster);
  expect(hasFile(kid)).toBe(true);

  await cluster.database.query(`update key_copy set sealed = null, destroyed_at = 1 where kid = '${kid}'`);
  await cluster.restart();
  admin = await logInAsAdmin(cluster);
  expect(hasFile(kid)).toBe(false);
});

test("without the root key a node signs no trust bundle, and says so", async () => {
  const [root] = (await admin.send("GET", "/keys?use=root")).json.items.filter(({ kid }: { kid: string }) =>
    hasFile(kid),
  );
  const path = join(cluster.directory, "keys", `${root.kid}.json`);
  const kept = join(cluster.directory, "kept");
  cpSync(path, kept);
  rmSync(path);
  const before = await keyOf("token", "active");
  expect((await post("/keys/token/rotate")).json).toMatchObject({ status: 409, code: "root_key_missing" });
  expect(await keyOf("token", "active")).toBe(before);
  cpSync(kept, path);
  await rotateToken();
});

test("a copy of a key is taken only by a store with the same secret, and only as that key", async () => {
  const directory = mkdtempSync(join(tmpdir(), "postern-copies-"));
  const open = (name: string): Promise<KeyStore> =>
    openKeyStore({ directory: join(directory, name), passphrase: null, randomBytes });
  const maker = await open("maker");
  cpSync(join(directory, "maker"), join(directory, "node"), { recursive: true });
  const [node, stranger] = [await open("node"), await open("stranger")];
  const [made, other] = [await maker.create("token"), await maker.create("token")];
  const copy = (await maker.sealedCopy(made.kid)) ?? "";

  await node.adopt(made.kid, "token", copy);
  expect((await node.load(made.kid, "token")).kid).toBe(made.kid);
  await expect(stranger.adopt(made.kid, "token", copy)).rejects.toThrow(/belongs to another store/);
  await expect(node.adopt(other.kid, "token", copy)).rejects.toThrow(/was altered/);
  await expect(node.adopt("../../evil", "token", copy)).rejects.toThrow(/no key id/);
  expect(await node.has(other.kid)).toBe(false);
  await node.destroy(made.kid);
  await expect(node.load(made.kid, "token")).rejects.toThrow(/is not in/);
  rmSync(directory, { recursive: true });
});
