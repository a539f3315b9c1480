import { afterAll, beforeEach, expect, test } from "vitest";
import { enrol, type FakeAgent, windowsFacts } from "../check-in/fake-agent.fixture.ts";
import { makeActivationKey, makeTenant, type TestTenant } from "../check-in/scene.fixture.ts";
import { type Caller, logInAsAdmin, makeUser, startTestCluster, type TestCluster } from "../test-cluster.fixture.ts";

// Long enough that an answer which came because the hold was over would run into the test's own time limit.
const cluster: TestCluster = await startTestCluster({ timing: { holdMs: 40_000, pollMs: 0 } });
const admin: Caller = await logInAsAdmin(cluster);
afterAll(() => cluster.close());

let count = 0;
let acme: TestTenant;
let activationKey: string;
/** A profile with protection on, and one with protection off. */
let on: string;
let off: string;

beforeEach(async () => {
  count += 1;
  acme = await makeTenant(admin, `Acme ${count}`);
  activationKey = await makeActivationKey(admin, acme.id);
  on = await newProfile("guarded", true);
  off = await newProfile("loose", false);
});

async function newProfile(name: string, isOn: boolean): Promise<string> {
  const made = await admin.send("POST", "/profiles", { tenantId: acme.id, name, serviceProtection: { on: isOn } });
  return made.json.id;
}

async function newIntent(name: string, profileId: string, filter: object, position?: number): Promise<string> {
  const body = { tenantId: acme.id, name, profileId, filter, ...(position !== undefined && { position }) };
  const made = await admin.send("POST", "/intents", body);
  expect(made.json).toMatchObject({ name, profileId, filter });
  return made.json.id;
}

function newAgent(hostName: string, addresses = ["10.0.0.7"]): Promise<FakeAgent> {
  return enrol(cluster.url, activationKey, { hostName, addresses });
}

// biome-ignore lint/suspicious/noExplicitAny: an answer of the API
async function read({ agentId }: FakeAgent): Promise<any> {
  return (await admin.send("GET", `/agents/${agentId}`)).json;
}

async function profileOf(agent: FakeAgent): Promise<string> {
  return (await read(agent)).profileId;
}

/** The agent reports another host name, as its workload's administrator can make it do at any time. */
function rename(agent: FakeAgent, hostName: string) {
  return agent.checkIn({ facts: { ...windowsFacts, hostName } });
}

async function untilHeld(agent: FakeAgent, n: number): Promise<void> {
  const reached = async () => {
    const [row] = await cluster.database.query(`select n from presence where agent_id = '${agent.agentId}'`);
    return Number(row?.["n"]);
  };
  while ((await reached()) < n) await new Promise((resolve) => setTimeout(resolve, 10));
  await new Promise((resolve) => setTimeout(resolve, 30));
}

async function namesInOrder(): Promise<string[]> {
  const { json } = await admin.send("GET", `/intents?tenantId=${acme.id}`);
  return json.items.map(({ name }: { name: string }) => name);
}

test("a new agent gets the profile of the first intent that fits, and Default when none does", async () => {
  await newIntent("by address", off, { addresses: ["10.9.0.0/16"] });
  await newIntent("workstations", on, { hostName: "ws-*", platforms: ["windows"] });
  expect(await profileOf(await newAgent("ws-1"))).toBe(on);
  expect(await profileOf(await newAgent("ws-2", ["10.9.1.1"]))).toBe(off);
  expect(await profileOf(await newAgent("db-1"))).toBe(acme.profileId);
});

test("an intent, its order and its end move the agents that they concern, and a held one hears of it at once", async () => {
  const ws = await newAgent("ws-1");
  const db = await newAgent("db-1");
  const heard = ws.checkIn();
  await untilHeld(ws, 1);
  const strict = await newIntent("workstations", on, { hostName: "ws-*" });
  expect((await heard).config?.cfg.serviceProtection.on).toBe(true);
  expect([await profileOf(ws), await profileOf(db)]).toEqual([on, acme.profileId]);

  const lax = await newIntent("all", off, {});
  expect([await profileOf(ws), await profileOf(db)]).toEqual([on, off]);
  const ordered = ws.checkIn();
  await untilHeld(ws, 2);
  expect((await admin.send("PUT", "/intents/order", { tenantId: acme.id, intentIds: [lax, strict] })).status).toBe(200);
  expect((await ordered).config?.cfg.serviceProtection.on).toBe(false);
  expect(await profileOf(ws)).toBe(off);

  await admin.send("DELETE", `/intents/${lax}`);
  expect([await profileOf(ws), await profileOf(db)]).toEqual([on, acme.profileId]);
  await admin.send("PATCH", `/intents/${strict}`, { filter: { hostName: null, labels: ["strict"] } });
  expect((await admin.send("GET", `/intents/${strict}`)).json.filter).toEqual({ labels: ["strict"] });
  expect(await profileOf(ws)).toBe(acme.profileId);
  await admin.send("PATCH", `/agents/${ws.agentId}`, { labels: ["strict"] });
  expect(await profileOf(ws)).toBe(on);
  await admin.send("POST", "/agents/labels", { agentIds: [ws.agentId], remove: ["strict"] });
  expect(await profileOf(ws)).toBe(acme.profileId);
});

test("agents whose profile stays are not written, and the revisions of those that move rise", async () => {
  const ws = await newAgent("ws-1");
  const db = await newAgent("db-1");
  const revisionOf = async (agent: FakeAgent) => (await admin.send("GET", `/agents/${agent.agentId}/config`)).json.rev;
  const before = [await revisionOf(ws), await revisionOf(db)];
  const id = await newIntent("workstations", on, { hostName: "ws-*" });
  const after = await revisionOf(ws);
  expect(after).toBeGreaterThan(before[0]);
  expect(await revisionOf(db)).toBe(before[1]);

  // Also when the clock went back: nothing that an agent has seen may come again with other contents.
  cluster.advance(-3_600_000);
  await admin.send("PATCH", `/profiles/${on}`, { serviceProtection: { liftSeconds: 77 } });
  const changed = await revisionOf(ws);
  expect(changed).toBeGreaterThan(after);
  await admin.send("DELETE", `/intents/${id}`);
  cluster.advance(3_600_000);
  expect(await revisionOf(ws)).toBeGreaterThan(changed);
});

test("changed facts alone move an agent to more protection, but not out of it", async () => {
  await newIntent("workstations", on, { hostName: "ws-*" });
  await newIntent("servers", off, { hostName: "db-*" });
  const agent = await newAgent("db-1");
  expect((await rename(agent, "ws-1")).config?.cfg.serviceProtection.on).toBe(true);
  expect(await profileOf(agent)).toBe(on);

  expect((await rename(agent, "db-1")).config).toBeUndefined();
  expect(await read(agent)).toMatchObject({
    hostName: "db-1",
    profileId: on,
    wouldDrop: { profileId: off, since: expect.any(String) },
  });
  const { json } = await admin.send("GET", `/audit?tenantId=${acme.id}&targetId=${agent.agentId}&sort=-at`);
  expect(json.items.map(({ action }: { action: string }) => action).slice(0, 2)).toEqual([
    "agent.would-drop",
    "agent.assign",
  ]);
  await rename(agent, "ws-1");
  expect(await read(agent)).toMatchObject({ profileId: on, wouldDrop: null });
});

test("an agent that is kept from a profile is not let go by a user's edit of something else, until one confirms", async () => {
  await newIntent("workstations", on, { hostName: "ws-*" });
  const agent = await newAgent("ws-1");
  await rename(agent, "db-1");
  const unrelated = await newIntent("printers", off, { hostName: "prn-*" });
  await admin.send("PATCH", `/intents/${unrelated}`, { filter: { hostName: "print-*" } });
  await admin.send("PATCH", `/agents/${agent.agentId}`, { labels: ["looked-at"] });
  expect(await read(agent)).toMatchObject({ profileId: on, wouldDrop: { profileId: acme.profileId } });

  const path = `/agents/${agent.agentId}/confirm-drop`;
  expect((await admin.send("POST", path, { profileId: off })).json).toMatchObject({
    status: 409,
    code: "drop_not_pending",
  });
  const installer = await makeUser(cluster, admin, `installer ${count}`, [
    { role: "agent_installer", tenantId: acme.id },
  ]);
  expect((await installer.send("POST", path, { profileId: acme.profileId })).status).toBe(403);
  expect(await profileOf(agent)).toBe(on);

  const heard = agent.checkIn();
  await untilHeld(agent, 2);
  const confirmed = await admin.send("POST", path, { profileId: acme.profileId });
  expect(confirmed.json).toMatchObject({ profileId: acme.profileId, wouldDrop: null });
  expect((await heard).config?.cfg.serviceProtection.on).toBe(false);
  expect((await admin.send("POST", path, { profileId: acme.profileId })).json.code).toBe("drop_not_pending");
});

test("what holds an agent ends when a user switches protection in one of the two profiles", async () => {
  await newIntent("workstations", on, { hostName: "ws-*" });
  const [first, second] = [await newAgent("ws-1"), await newAgent("ws-2")];
  await rename(first, "db-1");
  await admin.send("PATCH", `/profiles/${acme.profileId}`, { serviceProtection: { on: true } });
  expect(await read(first)).toMatchObject({ profileId: acme.profileId, wouldDrop: null });

  await admin.send("PATCH", `/profiles/${acme.profileId}`, { serviceProtection: { on: false } });
  await rename(second, "db-2");
  expect(await read(second)).toMatchObject({ profileId: on, wouldDrop: { profileId: acme.profileId } });
  await admin.send("PATCH", `/profiles/${on}`, { serviceProtection: { on: false } });
  expect(await read(second)).toMatchObject({ profileId: acme.profileId, wouldDrop: null });
});

test("the preview says who would move and what becomes of protection, and changes nothing", async () => {
  await newIntent("workstations", on, { hostName: "ws-*" });
  const [ws, db, kept] = [await newAgent("ws-1"), await newAgent("db-1"), await newAgent("ws-2")];
  await rename(kept, "db-2");
  const intents = [
    { profileId: on, filter: { hostName: "db-1" } },
    { profileId: off, filter: { hostName: "ws-*" } },
  ];
  const preview = await admin.send("POST", "/intents/preview", { tenantId: acme.id, intents });
  expect(preview.json).toEqual({
    moved: 2,
    gains: 1,
    loses: 1,
    held: 1,
    agents: [
      { id: ws.agentId, hostName: "ws-1", fromProfileId: on, toProfileId: off, effect: "loses" },
      { id: db.agentId, hostName: "db-1", fromProfileId: acme.profileId, toProfileId: on, effect: "gains" },
    ],
  });
  expect([await profileOf(ws), await profileOf(db)]).toEqual([on, acme.profileId]);
  const stray = await admin.send("POST", "/intents/preview", { tenantId: acme.id, intents: [{ profileId: acme.id }] });
  expect(stray.json).toMatchObject({ code: "validation_failed", errors: [{ pointer: "/intents/0/profileId" }] });
});

test("the order is given as a whole, on the list that the sender saw", async () => {
  const [a, b] = [await newIntent("a", on, {}), await newIntent("b", on, {})];
  await newIntent("front", off, { hostName: "x" }, 0);
  expect(await namesInOrder()).toEqual(["front", "a", "b"]);
  const listed = await admin.send("GET", `/intents?tenantId=${acme.id}`);
  const ids = listed.json.items.map(({ id }: { id: string }) => id);
  const order = (intentIds: unknown[], match?: string) =>
    admin.send("PUT", "/intents/order", { tenantId: acme.id, intentIds }, match ? { "if-match": match } : {});
  for (const wrong of [
    [a, b],
    [a, b, b],
    [...ids, acme.id],
  ]) {
    expect((await order(wrong)).json).toMatchObject({ status: 412, code: "precondition_failed" });
  }
  const match = listed.headers.get("etag") ?? "";
  expect((await order([b, a, ids[0]], match)).status).toBe(200);
  expect((await order(ids, match)).json.code).toBe("precondition_failed");
  expect(await namesInOrder()).toEqual(["b", "a", "front"]);
  await admin.send("DELETE", `/intents/${a}`);
  expect(await namesInOrder()).toEqual(["b", "front"]);
});

test.each([
  [{ filter: { addresses: ["10.0.0.0/33"] } }, "/filter/addresses"],
  [{ filter: { hostName: "two words" } }, "/filter/hostName"],
  [{ filter: { labels: ["Upper"] } }, "/filter/labels/0"],
  [{ filter: { platforms: ["beos"] } }, "/filter/platforms/0"],
  [{ filter: { platforms: [] } }, "/filter/platforms"],
  [{ profileId: "019a0000-0000-7000-8000-00000000dead" }, "/profileId"],
])("an intent with %j is refused, and says where", async (change, pointer) => {
  const body = { tenantId: acme.id, name: "wrong", profileId: on, ...change };
  const { json } = await admin.send("POST", "/intents", body);
  expect(json).toMatchObject({ status: 400, code: "validation_failed" });
  expect(json.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
  expect(await namesInOrder()).toEqual([]);
});

test("a profile of another tenant cannot be given, and a profile in use cannot be deleted", async () => {
  const other = await makeTenant(admin, `Umbrella ${count}`);
  const body = { tenantId: acme.id, name: "theirs", profileId: other.profileId };
  expect((await admin.send("POST", "/intents", body)).json).toMatchObject({ code: "validation_failed" });

  const id = await newIntent("workstations", on, { hostName: "ws-*" });
  const inUse = { status: 409, code: "profile_in_use" };
  expect((await admin.send("DELETE", `/profiles/${on}`)).json).toMatchObject(inUse);
  const agent = await newAgent("ws-1");
  await rename(agent, "db-1");
  await admin.send("PATCH", `/intents/${id}`, { profileId: off });
  expect(await profileOf(agent)).toBe(on);
  expect((await admin.send("DELETE", `/profiles/${on}`)).json).toMatchObject(inUse);
  await admin.send("POST", `/agents/${agent.agentId}/confirm-drop`, { profileId: acme.profileId });
  expect((await admin.send("DELETE", `/profiles/${on}`)).status).toBe(204);
});

test("a change stands in the audit log with how many agents it moved", async () => {
  await newAgent("ws-1");
  const id = await newIntent("workstations", on, { hostName: "ws-*" });
  const { json } = await admin.send("GET", `/audit?tenantId=${acme.id}&action=intent.create`);
  expect(json.items).toMatchObject([
    {
      target: { kind: "intent", id, name: "workstations" },
      details: { profileId: on, filter: { hostName: "ws-*" }, agents: { moved: 1, gains: 1, loses: 0 } },
    },
  ]);
});
