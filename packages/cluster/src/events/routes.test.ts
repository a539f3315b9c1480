import { journalEntryHash, journalStart } from "@postern/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { enrol, type FakeAgent } from "../check-in/fake-agent.fixture.ts";
import {
  breakInserts,
  makeActivationKey,
  makeTenant,
  mendInserts,
  type TestTenant,
} from "../check-in/scene.fixture.ts";
import { type Caller, logInAsAdmin, makeUser, startTestCluster, type TestCluster } from "../test-cluster.fixture.ts";

let cluster: TestCluster;
let admin: Caller;
let acme: TestTenant;
let umbrella: TestTenant;

beforeAll(async () => {
  cluster = await startTestCluster({ timing: { holdMs: 0, pollMs: 1_000 } });
  admin = await logInAsAdmin(cluster);
  acme = await makeTenant(admin, "Acme");
  umbrella = await makeTenant(admin, "Umbrella");
});

afterAll(() => cluster.close());

async function newAgent(tenant: TestTenant, hostName = "db-07"): Promise<FakeAgent> {
  return enrol(cluster.url, await makeActivationKey(admin, tenant.id), { hostName });
}

async function generate(target: object): Promise<string> {
  const { json } = await admin.send("POST", "/agent-tokens", { reason: "to be redeemed", ...target });
  return json.id;
}

async function journalOf(agent: FakeAgent) {
  return (await admin.send("GET", `/agents/${agent.agentId}/journal?limit=500&sort=receivedAt`)).json.items;
}

test("a redemption is matched with the token that was issued", async () => {
  const agent = await newAgent(acme);
  const jti = await generate({ kind: "tenant", tenantId: acme.id });
  agent.journal("service_started");
  const redeemed = agent.journal("redeemed", { jti, kind: "tenant" });
  const { answer } = await agent.checkIn();
  expect(answer?.journalAcked).toBe(2);
  const token = (await admin.send("GET", `/agent-tokens/${jti}`)).json;
  expect(token.redemptions).toEqual([
    {
      agent: { id: agent.agentId, hostName: "db-07" },
      at: new Date(redeemed.at).toISOString(),
      trustedAt: new Date(redeemed.trustedAt).toISOString(),
      receivedAt: expect.any(String),
      lift: "over",
    },
  ]);
  const listed = (await admin.send("GET", `/agent-tokens?tenantId=${acme.id}`)).json.items;
  expect(listed).toContainEqual(expect.objectContaining({ id: jti, redemptionCount: 1 }));
  expect(await journalOf(agent)).toMatchObject([
    { seq: 1, kind: "service_started", redemption: null, linked: true, forked: false },
    { seq: 2, kind: "redeemed", data: { jti, kind: "tenant" }, redemption: "issued", linked: true, forked: false },
  ]);
});

test("a redemption of a token that was never issued is kept and marked", async () => {
  const agent = await newAgent(acme);
  agent.journal("redeemed", { jti: "0193f0a0-0000-7000-8000-000000000001" });
  agent.journal("redeemed", {});
  expect((await agent.checkIn()).answer?.journalAcked).toBe(2);
  expect(await journalOf(agent)).toMatchObject([{ redemption: "unknown" }, { redemption: "unknown" }]);
});

test("what another tenant's agent claims is marked, and not shown to the token's people", async () => {
  const [stranger, neighbour] = [await newAgent(umbrella, "secret-host"), await newAgent(acme)];
  const jti = await generate({ kind: "agent", agentId: (await newAgent(acme)).agentId });
  for (const agent of [stranger, neighbour]) {
    agent.journal("redeemed", { jti });
    await agent.checkIn();
    expect(await journalOf(agent)).toMatchObject([{ redemption: "other_target" }]);
  }
  const token = (await admin.send("GET", `/agent-tokens/${jti}`)).json;
  expect(token.redemptions).toEqual([]);
  expect(JSON.stringify(token)).not.toContain("secret-host");
});

test("entries delivered twice are stored once", async () => {
  const agent = await newAgent(acme);
  const jti = await generate({ kind: "agent", agentId: agent.agentId });
  const entries = [agent.journal("redeemed", { jti }), agent.journal("rearmed")];
  const journal = { id: agent.journalId, entries };
  expect((await agent.checkIn({ journal })).answer?.journalAcked).toBe(2);
  expect((await agent.checkIn({ journal })).answer?.journalAcked).toBe(2);
  expect(await journalOf(agent)).toHaveLength(2);
  expect((await admin.send("GET", `/agent-tokens/${jti}`)).json.redemptions).toHaveLength(1);
});

test("only what is stored without a hole is acknowledged", async () => {
  const agent = await newAgent(acme);
  const [first, second, third] = [agent.journal("drift"), agent.journal("drift"), agent.journal("drift")];
  const deliver = async (entries: (typeof first)[]) =>
    (await agent.checkIn({ journal: { id: agent.journalId, entries } })).answer?.journalAcked;
  expect(await deliver([first, third])).toBe(1);
  expect(await deliver([second, third])).toBe(3);
  expect(await deliver([])).toBe(3);
});

test("nothing is acknowledged that could not be stored", async () => {
  const agent = await newAgent(acme);
  agent.journal("drift");
  await breakInserts(cluster, "journal_entry");
  const failed = await agent.checkIn();
  await mendInserts(cluster, "journal_entry");
  expect(failed).toMatchObject({ status: 500, code: "internal" });
  expect((await agent.checkIn()).answer?.journalAcked).toBe(1);
  expect(await journalOf(agent)).toHaveLength(1);
});

test("two versions of an entry are both kept and marked: a cloned or rolled-back machine", async () => {
  const agent = await newAgent(acme);
  const entries = [agent.journal("service_started"), agent.journal("protection_on")] as const;
  await agent.checkIn();
  const other = { ...entries[1], kind: "redeemed", data: { jti: "0193f0a0-0000-7000-8000-000000000002" } };
  const forked = await agent.checkIn({ journal: { id: agent.journalId, entries: [other] } });
  expect(forked.answer?.journalAcked).toBe(2);
  expect(
    (await journalOf(agent)).map((entry: { kind: string; forked: boolean }) => [entry.kind, entry.forked]),
  ).toEqual([
    ["service_started", false],
    ["protection_on", true],
    ["redeemed", true],
  ]);
});

test("an entry that does not follow the one delivered before it is marked", async () => {
  const agent = await newAgent(acme);
  agent.journal("service_started");
  await agent.checkIn();
  const entry = { ...agent.journal("drift"), prev: journalStart("0193f0a0-0000-7000-8000-000000000003") };
  await agent.checkIn({ journal: { id: agent.journalId, entries: [entry] } });
  expect(await journalOf(agent)).toMatchObject([{ linked: true }, { linked: false, seq: 2 }]);
});

test("a new journal of the same agent begins anew", async () => {
  const agent = await newAgent(acme);
  agent.journal("drift");
  await agent.checkIn();
  const id = "0193f0a0-0000-4000-8000-000000000004";
  const entry = { seq: 1, at: 1, trustedAt: 1, kind: "enrolled", data: {}, prev: journalStart(id) };
  expect((await agent.checkIn({ journal: { id, entries: [entry] } })).answer?.journalAcked).toBe(1);
  expect(journalEntryHash(entry)).toHaveLength(43);
  expect(await journalOf(agent)).toMatchObject([
    { journalId: agent.journalId, linked: true },
    { journalId: id, linked: true },
  ]);
});

test("a time that no calendar has does not break the answer", async () => {
  const agent = await newAgent(acme);
  const entry = { ...agent.journal("drift"), at: Number.MAX_SAFE_INTEGER };
  await agent.checkIn({ journal: { id: agent.journalId, entries: [entry] } });
  expect(await journalOf(agent)).toMatchObject([{ at: "9999-12-31T23:59:59.999Z" }]);
});

test("events are listed by time", async () => {
  const agent = await newAgent(acme, "db-time");
  agent.journal("drift");
  await agent.checkIn();
  cluster.advance(2_000);
  const between = new Date(cluster.now()).toISOString();
  agent.journal("rearmed");
  await agent.checkIn();
  const kinds = async (query: string) =>
    (await admin.send("GET", `/events?agentId=${agent.agentId}&${query}`)).json.items.map(
      ({ kind }: { kind: string }) => kind,
    );
  expect(await kinds(`since=${between}`)).toEqual(["rearmed"]);
  expect(await kinds(`until=${between}`)).toEqual(["drift"]);
  const path = `/agents/${agent.agentId}/journal?since=${between}&kind=rearmed`;
  expect((await admin.send("GET", path)).json.items).toHaveLength(1);
});

test("events are listed by kind and tenant, newest first, page by page, and only within reach", async () => {
  const agent = await newAgent(umbrella, "um-9");
  for (let i = 0; i < 3; i++) {
    agent.journal("protection_off", { round: i });
    await agent.checkIn();
  }
  const path = `/events?kind=protection_off&tenantId=${umbrella.id}&limit=2`;
  const first = (await admin.send("GET", path)).json;
  const second = (await admin.send("GET", `${path}&cursor=${first.nextCursor}`)).json;
  const rounds = [...first.items, ...second.items].map((event: { data: { round: number } }) => event.data.round);
  expect(rounds).toEqual([2, 1, 0]);
  expect(second.nextCursor).toBeNull();

  const auditor = await makeUser(cluster, admin, "auditor of acme", [{ role: "auditor", tenantId: acme.id }]);
  expect((await auditor.send("GET", path)).json).toMatchObject({ status: 404 });
  const seen = (await auditor.send("GET", "/events?limit=500")).json.items;
  expect(seen.length).toBeGreaterThan(0);
  expect(seen.every((event: { tenantId: string }) => event.tenantId === acme.id)).toBe(true);
});
