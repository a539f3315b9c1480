import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TokenTarget } from "@postern/token";
import { afterAll, expect, test } from "vitest";
import { createAudit } from "../audit/record.ts";
import { createIds } from "../db/ids.ts";
import { readClusterFile } from "../keys/cluster-file.ts";
import { openKeyStore } from "../keys/key-store.ts";
import { type Database, migrations } from "../schema.ts";
import { logInAsAdmin } from "../test-cluster.fixture.ts";
import { enterOfflineTokens } from "./enter-offline.ts";
import { generateOffline, widestTokenKey } from "./generate-offline.ts";
import { makeTokenScene, reason, verifyAs } from "./token-scene.fixture.ts";

const scene = await makeTokenScene();
const { cluster, acme, agent } = scene;
let { admin } = scene;
afterAll(() => cluster.close());

const keyDirectory = join(cluster.directory, "keys");
const recordFolder = join(keyDirectory, "offline-tokens");
const newId = createIds(cluster.now, randomBytes);

async function restart(): Promise<void> {
  await cluster.restart();
  admin = await logInAsAdmin(cluster);
}

async function openKeys() {
  const keyStore = await openKeyStore({ directory: keyDirectory, passphrase: null, randomBytes });
  return { keyStore, file: readClusterFile(keyStore) };
}

async function offline(target: TokenTarget, key?: string) {
  const { keyStore, file } = await openKeys();
  const chosen = key === undefined ? widestTokenKey(file) : file.tokenKeys.find(({ kid }) => kid === key);
  if (chosen === undefined) throw new Error("no key");
  const jti = newId();
  const { token } = await generateOffline(
    { cluster: file, keyStore, jti, nowMs: cluster.now() },
    { target, reason, ticket: "INC-1", challenge: undefined, by: { user: "root", host: "rescue" }, key: chosen },
  );
  return { jti, token, path: join(recordFolder, `${jti}.json`) };
}

async function auditOf(jti: string) {
  return (await admin.send("GET", `/audit?targetId=${jti}`)).json.items;
}

test("the keys alone give a token that the agent accepts; the next start enters it once, and its record goes", async () => {
  const made = await offline({ kind: "agent", agentId: agent.agentId });
  expect(verifyAs(cluster, agent, made.token)).toMatchObject({ jti: made.jti, lift: 14_400 });
  const record = readFileSync(made.path, "utf8");
  expect(record).not.toContain(made.token.split(".")[2]);
  expect((await admin.send("GET", `/agent-tokens/${made.jti}`)).status).toBe(404);

  await restart();
  expect(existsSync(made.path)).toBe(false);
  const { json } = await admin.send("GET", `/agent-tokens/${made.jti}`);
  expect(json).toMatchObject({
    kind: "agent",
    agent: { id: agent.agentId },
    tenant: { id: acme.id },
    reason,
    ticket: "INC-1",
    state: "live",
    issuedBy: { id: "offline", name: "root on rescue" },
    token: made.token,
  });
  const entries = await auditOf(made.jti);
  const generated = entries.filter(({ action }: { action: string }) => action === "agent-token.generate");
  expect(generated).toHaveLength(1);
  expect(generated[0]).toMatchObject({
    outcome: "done",
    tenantId: acme.id,
    who: { kind: "operator", name: "root on rescue" },
    why: reason,
    details: { offline: true, kind: "agent", ticket: "INC-1" },
  });

  // A start that was cut off before it removed the record, and a node with a copy of it.
  writeFileSync(made.path, record);
  await restart();
  expect(existsSync(made.path)).toBe(false);
  const again = await auditOf(made.jti);
  expect(again.filter(({ action }: { action: string }) => action === "agent-token.generate")).toHaveLength(1);
});

test("nodes that find the same record at the same time enter it once", async () => {
  const made = await offline({ kind: "tenant", tenantId: acme.id });
  const { keyStore, file } = await openKeys();
  const record = readFileSync(made.path, "utf8");
  await cluster.pause(async () => {
    const store = await cluster.database.open<Database>(migrations);
    const clock = { now: cluster.now };
    const options = { store, audit: createAudit(clock, newId), clock, keyStore, clusterId: file.clusterId };
    try {
      await Promise.all([enterOfflineTokens(options), enterOfflineTokens(options), enterOfflineTokens(options)]);
      writeFileSync(made.path, record);
      await enterOfflineTokens(options);
    } finally {
      await store.close();
    }
  });
  admin = await logInAsAdmin(cluster);
  expect(await auditOf(made.jti)).toHaveLength(1);
  expect((await admin.send("GET", `/agent-tokens/${made.jti}`)).json.token).toBe(made.token);
});

test("what an agent told of the token before it was entered counts as its redemption from then on", async () => {
  const made = await offline({ kind: "agent", agentId: agent.agentId });
  agent.moveTo(cluster.url);
  agent.journal("redeemed", { jti: made.jti });
  await agent.checkIn();
  const journal = async () => (await admin.send("GET", `/agents/${agent.agentId}/journal`)).json.items;
  expect(await journal()).toContainEqual(expect.objectContaining({ redemption: "unknown" }));
  await restart();
  expect((await admin.send("GET", `/agent-tokens/${made.jti}`)).json.redemptions).toMatchObject([
    { agent: { id: agent.agentId } },
  ]);
});

test("a token for an agent that the database does not know is in the audit log at once, its record stays", async () => {
  const agentId = "3f1c9a52-7b1e-7c58-9d0a-6a3a5a0f0001";
  const made = await offline({ kind: "agent", agentId });
  await restart();
  await restart();
  expect(existsSync(made.path)).toBe(true);
  expect(await auditOf(made.jti)).toMatchObject([
    { tenantId: null, outcome: "done", details: { unknownTarget: `agent:${agentId}` } },
  ]);
});

test.each([
  { name: "a changed reason", change: (text: string) => text.replace(reason, "something else entirely") },
  { name: "another target", change: (text: string) => text.replace(acme.id, agent.tenantId.replace(/^./, "f")) },
  { name: "no seal", change: (text: string) => text.replace(/,"mac":"[^"]*"/, "") },
  { name: "half a file", change: (text: string) => text.slice(0, 40) },
])("a record with $name is entered as refused and set aside", async ({ change }) => {
  const made = await offline({ kind: "tenant", tenantId: acme.id });
  writeFileSync(made.path, change(readFileSync(made.path, "utf8")));
  await restart();
  expect((await admin.send("GET", `/agent-tokens/${made.jti}`)).status).toBe(404);
  const { items } = (await admin.send("GET", "/audit?action=agent-token.generate&outcome=refused&sort=-at")).json;
  expect(items[0]).toMatchObject({ why: "offline_record_altered", details: { file: made.path } });
  expect(readdirSync(recordFolder)).toContain(`${made.jti}.json.refused`);
});

test("no token without a record: when that cannot be written, there is none", async () => {
  const { keyStore, file } = await openKeys();
  const elsewhere = join(cluster.directory, "no-folder");
  writeFileSync(elsewhere, "a file where the folder should be");
  const key = widestTokenKey(file);
  if (key === undefined) throw new Error("no key");
  const request = {
    target: { kind: "cluster" },
    reason,
    ticket: null,
    challenge: undefined,
    by: { user: "root", host: "rescue" },
    key,
  } as const;
  const context = { cluster: file, jti: newId(), nowMs: cluster.now() };
  const minting = generateOffline({ ...context, keyStore: { ...keyStore, directory: elsewhere } }, request);
  await expect(minting).rejects.toThrow("so there is no token");
  // Claims that no agent would accept are refused by the rule of all tokens, and leave no record.
  mkdirSync(recordFolder, { recursive: true });
  const before = readdirSync(recordFolder).length;
  const strange = { ...request, target: { kind: "agent", agentId: "ws-7" } } as const;
  await expect(generateOffline({ ...context, keyStore }, strange)).rejects.toThrow(TypeError);
  expect(readdirSync(recordFolder)).toHaveLength(before);
});

test("the key that most agents accept signs; another one can be named, a compromised one cannot", async () => {
  const first = (await openKeys()).file.tokenKeys.map(({ kid }) => kid);
  await admin.send("POST", "/keys/token/rotate", { reason });
  await admin.send("POST", "/keys/token/rotate", { reason });
  const { file } = await openKeys();
  const [oldest, retiring, active] = file.tokenKeys;
  expect(file.tokenKeys).toHaveLength(3);
  expect(oldest?.kid).toBe(first[0]);
  expect(widestTokenKey(file)).toBe(retiring);
  const old = await offline({ kind: "agent", agentId: agent.agentId }, oldest?.kid);
  expect(verifyAs(cluster, agent, old.token).jti).toBe(old.jti);

  await admin.send("POST", `/keys/${active?.kid}/compromise`, { reason });
  expect((await openKeys()).file.tokenKeys.map(({ kid }) => kid)).not.toContain(active?.kid);
});

test("what says whose keys these are is sealed, too", async () => {
  const path = join(keyDirectory, "cluster.json");
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace('"trustBundleVersion":', '"trustBundleVersion":1'));
  await expect(openKeys()).rejects.toThrow("was altered or belongs to other keys");
  await restart();
  expect(readFileSync(path, "utf8")).toBe(text);
});
