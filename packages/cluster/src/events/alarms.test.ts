import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { enrol, type FakeAgent } from "../check-in/fake-agent.fixture.ts";
import { makeActivationKey, makeTenant, type TestTenant } from "../check-in/scene.fixture.ts";
import { type Caller, logInAsAdmin, makeUser, startTestCluster, type TestCluster } from "../test-cluster.fixture.ts";
import { alarmLimits } from "./limits.ts";

const unknownJti = "0193f0a0-0000-7000-8000-000000000001";

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

async function newAgent(tenant = acme, hostName = "db-07"): Promise<FakeAgent> {
  return enrol(cluster.url, await makeActivationKey(admin, tenant.id), { hostName });
}

interface ShownAlarm {
  readonly id: string;
  readonly kind: string;
  readonly severity: string;
  readonly state: string;
  readonly count: number;
  readonly data: Record<string, unknown>;
  readonly agent: { readonly id: string } | null;
}

async function alarmsOf(agent: FakeAgent, query = ""): Promise<ShownAlarm[]> {
  return (await admin.send("GET", `/alarms?agentId=${agent.agentId}&sort=raisedAt${query}`)).json.items;
}

/** Sessions end meanwhile. */
async function pass(ms: number): Promise<void> {
  cluster.advance(ms);
  admin = await logInAsAdmin(cluster);
}

function acknowledge(id: string, comment = "looked into it", by: Caller = admin) {
  return by.send("POST", `/alarms/${id}/acknowledge`, { comment });
}

describe("what an agent journals", () => {
  test("a redemption that was never issued", async () => {
    const agent = await newAgent();
    agent.journal("redeemed", { jti: unknownJti });
    await agent.checkIn();
    expect(await alarmsOf(agent)).toMatchObject([
      {
        kind: "redemption_never_issued",
        severity: "problem",
        state: "open",
        count: 1,
        data: { jti: unknownJti, verdict: "unknown", inRestoreGap: false },
        tenant: { id: acme.id, name: "Acme" },
        agent: { id: agent.agentId, hostName: "db-07" },
        lasts: false,
        acknowledged: null,
        resolvedAt: null,
      },
    ]);
  });

  test("a redemption of what was issued for another agent", async () => {
    const [agent, other] = [await newAgent(), await newAgent()];
    const body = { kind: "agent", agentId: other.agentId, reason: "a test" };
    const { id } = (await admin.send("POST", "/agent-tokens", body)).json;
    agent.journal("redeemed", { jti: id });
    await agent.checkIn();
    expect(await alarmsOf(agent)).toMatchObject([
      { kind: "redemption_never_issued", data: { verdict: "other_target" } },
    ]);
    other.journal("redeemed", { jti: id });
    await other.checkIn();
    expect(await alarmsOf(other)).toEqual([]);
  });

  test("is a warning inside a time that a restored backup does not know", async () => {
    const agent = await newAgent();
    const issuedAt = Number.parseInt(unknownJti.replace("-", "").slice(0, 12), 16);
    await cluster.database.query(`insert into restore_gap values ('gap', ${issuedAt - 1}, ${issuedAt + 1})`);
    agent.journal("redeemed", { jti: unknownJti });
    await agent.checkIn();
    expect(await alarmsOf(agent)).toMatchObject([{ severity: "warning", data: { inRestoreGap: true } }]);
    // One that is not explained by it makes the alarm a problem, and it stays one.
    agent.journal("redeemed", { jti: "not an id" });
    await agent.checkIn();
    agent.journal("redeemed", { jti: unknownJti });
    await agent.checkIn();
    expect(await alarmsOf(agent)).toMatchObject([{ severity: "problem", count: 3 }]);
    await cluster.database.query("delete from restore_gap");
  });

  test("refusals in a row, over several check-ins", async () => {
    const agent = await newAgent();
    for (let i = 1; i < alarmLimits.refusalsInARow; i++) agent.journal("refused", { reason: "expired" });
    await agent.checkIn();
    expect(await alarmsOf(agent)).toEqual([]);
    agent.journal("refused", { reason: "bad_signature" });
    await agent.checkIn();
    expect(await alarmsOf(agent)).toMatchObject([
      { kind: "refusals_in_a_row", severity: "warning", data: { refusals: 5, reason: "bad_signature" } },
    ]);
  });

  test("refusals with a token between them that was taken are no row", async () => {
    const agent = await newAgent();
    for (const kind of ["refused", "refused", "refused", "resumed", "refused", "refused"]) agent.journal(kind);
    await agent.checkIn();
    expect(await alarmsOf(agent)).toEqual([]);
  });

  test.each(["drift", "pipe_taken"])("%s, one alarm for all that comes until somebody deals with it", async (kind) => {
    const agent = await newAgent();
    agent.journal(kind, { layer: "dacl" });
    agent.journal(kind, { layer: "files" });
    await agent.checkIn();
    agent.journal(kind, { layer: "registry" });
    await agent.checkIn();
    const [alarm] = await alarmsOf(agent);
    expect(await alarmsOf(agent)).toMatchObject([
      { kind, severity: "problem", state: "open", count: 3, data: { layer: "registry", seq: 3 } },
    ]);
    await acknowledge(alarm?.id ?? "");
    agent.journal(kind);
    await agent.checkIn();
    expect(await alarmsOf(agent)).toMatchObject([
      { state: "acknowledged", count: 3 },
      { state: "open", count: 1 },
    ]);
  });

  test("the same drift, settled, is told anew after an hour at the earliest; another at once", async () => {
    const agent = await newAgent();
    const drift = async (data: Record<string, string>) => {
      agent.journal("drift", data);
      await agent.checkIn();
    };
    const startType = { layer: "serviceConfig", found: "startType" };
    await drift(startType);
    const [alarm] = await alarmsOf(agent);
    expect(alarm).toMatchObject({ kind: "drift", severity: "problem" });
    await acknowledge(alarm?.id ?? "");
    await drift(startType);
    await drift({ ...startType, by: "group_policy" }); // what it says of itself does not count
    expect(await alarmsOf(agent, "&state=open")).toEqual([]);
    await drift({ layer: "serviceConfig", found: "command" });
    expect(await alarmsOf(agent, "&state=open")).toMatchObject([{ severity: "problem", data: { found: "command" } }]);

    const other = await newAgent();
    const again = async () => {
      other.journal("drift", startType);
      await other.checkIn();
    };
    await again();
    await acknowledge((await alarmsOf(other))[0]?.id ?? "");
    await pass(alarmLimits.sameDriftQuietMs);
    await again();
    expect(await alarmsOf(other, "&state=open")).toHaveLength(1);
  });

  test("a journal with two histories", async () => {
    const agent = await newAgent();
    const entries = [agent.journal("service_started"), agent.journal("protection_on")] as const;
    await agent.checkIn();
    const other = { ...entries[1], kind: "protection_off" };
    await agent.checkIn({ journal: { id: agent.journalId, entries: [other] } });
    expect(await alarmsOf(agent)).toMatchObject([
      { kind: "journal_fork", severity: "problem", data: { seq: 2, what: "two_versions" } },
    ]);
  });

  test("a journal whose entries do not follow what was delivered", async () => {
    const agent = await newAgent();
    agent.journal("service_started");
    await agent.checkIn();
    const entry = { ...agent.journal("rearmed"), prev: "A".repeat(43) };
    await agent.checkIn({ journal: { id: agent.journalId, entries: [entry] } });
    expect(await alarmsOf(agent)).toMatchObject([{ kind: "journal_fork", data: { what: "other_history" } }]);
  });

  test("what an agent writes into an entry does not change what the cluster says of it", async () => {
    const agent = await newAgent();
    agent.journal("redeemed", { jti: unknownJti, verdict: "issued", seq: 99 });
    await agent.checkIn();
    expect(await alarmsOf(agent)).toMatchObject([{ data: { verdict: "unknown", seq: 1 } }]);
  });

  test("nothing unusual raises nothing", async () => {
    const agent = await newAgent();
    for (const kind of ["enrolled", "service_started", "protection_on", "refused", "rearmed", "service_stopping"]) {
      agent.journal(kind);
    }
    await agent.checkIn();
    expect(await alarmsOf(agent)).toEqual([]);
  });
});

test("an altered record of a token is told to those of the cluster only", async () => {
  const agent = await newAgent();
  const { id } = (
    await admin.send("POST", "/agent-tokens", { kind: "agent", agentId: agent.agentId, reason: "a test" })
  ).json;
  await cluster.database.query(`update agent_token set claims = '{}' where id = '${id}'`);
  expect((await admin.send("GET", `/agent-tokens/${id}`)).json.code).toBe("token_record_altered");
  const [alarm] = (await admin.send("GET", "/alarms?kind=token_record_altered")).json.items;
  expect(alarm).toMatchObject({ tenant: null, agent: null, severity: "problem", data: { tokenId: id } });

  const roles = [{ role: "tenant_owner", tenantId: acme.id }] as const;
  const owner = await makeUser(cluster, admin, "olga", roles);
  expect((await owner.send("GET", "/alarms?kind=token_record_altered")).json.items).toEqual([]);
  expect((await owner.send("GET", `/alarms/${alarm.id}`)).json.code).toBe("not_found");
  expect((await acknowledge(alarm.id, "mine", owner)).json.code).toBe("not_found");
});

describe("dealing with alarms", () => {
  test("an acknowledgement says who, when and what, and stands in the audit log", async () => {
    const agent = await newAgent();
    agent.journal("pipe_taken");
    await agent.checkIn();
    const [{ id } = { id: "" }] = await alarmsOf(agent);
    const support = await makeUser(cluster, admin, "sue", [{ role: "customer_support", tenantId: null }]);
    for (const comment of ["", "  a ", "x".repeat(501)]) {
      expect((await acknowledge(id, comment, support)).json.code).toBe("validation_failed");
    }
    expect((await acknowledge(id, "a test tool held it", support)).json).toMatchObject({
      state: "acknowledged",
      acknowledged: { at: expect.any(String), by: { id: support.id, name: "sue" }, comment: "a test tool held it" },
    });
    expect((await acknowledge(id)).json).toMatchObject({
      status: 409,
      code: "alarm_not_open",
      detail: 'sue has acknowledged it meanwhile: "a test tool held it"',
    });
    const entries = (await admin.send("GET", `/audit?action=alarm.acknowledge&targetId=${id}`)).json.items;
    expect(entries).toMatchObject([
      {
        who: { name: "sue" },
        why: "a test tool held it",
        tenantId: acme.id,
        target: { kind: "alarm", name: "pipe_taken" },
      },
    ]);
  });

  test("an alarm that has happened again since somebody looked at it is not settled unseen", async () => {
    const agent = await newAgent();
    agent.journal("pipe_taken");
    await agent.checkIn();
    const [{ id } = { id: "" }] = await alarmsOf(agent);
    const seen = await admin.send("GET", `/alarms/${id}`);
    const asSeen = { "if-match": seen.headers.get("etag") ?? "" };
    expect(asSeen["if-match"]).toBe(`"${Date.parse(seen.json.changedAt)}"`);
    cluster.advance(1_000);
    agent.journal("pipe_taken");
    await agent.checkIn();
    const path = `/alarms/${id}/acknowledge`;
    const refused = await admin.send("POST", path, { comment: "looked into it" }, asSeen);
    expect(refused.json).toMatchObject({ status: 412, code: "precondition_failed" });
    const now = await admin.send("GET", `/alarms/${id}`);
    const done = await admin.send("POST", path, { comment: "twice" }, { "if-match": now.headers.get("etag") ?? "" });
    expect(done.json).toMatchObject({ state: "acknowledged", count: 2 });
  });

  test("who only reads cannot acknowledge", async () => {
    const agent = await newAgent();
    agent.journal("pipe_taken");
    await agent.checkIn();
    const [{ id } = { id: "" }] = await alarmsOf(agent);
    const auditor = await makeUser(cluster, admin, "arthur", [{ role: "auditor", tenantId: acme.id }]);
    expect((await auditor.send("GET", `/alarms/${id}`)).json.kind).toBe("pipe_taken");
    expect((await acknowledge(id, "not mine to say", auditor)).json.code).toBe("permission_missing");
    const installer = await makeUser(cluster, admin, "ivo", [{ role: "agent_installer", tenantId: acme.id }]);
    expect((await installer.send("GET", "/alarms")).json.code).toBe("permission_missing");
  });

  test("lists, pages, filters, counts and walls", async () => {
    const agents = [await newAgent(umbrella), await newAgent(umbrella), await newAgent(umbrella)];
    for (const agent of agents) {
      agent.journal("pipe_taken");
      await agent.checkIn();
    }
    for (let refusal = 0; refusal < alarmLimits.refusalsInARow; refusal++) agents[0]?.journal("refused");
    await agents[0]?.checkIn();
    const owner = await makeUser(cluster, admin, "uma", [{ role: "tenant_owner", tenantId: umbrella.id }]);
    const first = (await owner.send("GET", "/alarms?limit=3")).json;
    const second = (await owner.send("GET", `/alarms?limit=3&cursor=${first.nextCursor}`)).json;
    expect(first.items.map(({ kind }: ShownAlarm) => kind)).toEqual(["refusals_in_a_row", "pipe_taken", "pipe_taken"]);
    expect(second.items).toHaveLength(1);
    expect(second.nextCursor).toBeNull();
    expect((await owner.send("GET", "/alarms?severity=warning")).json.items).toHaveLength(1);
    expect((await owner.send("GET", "/alarms?kind=pipe_taken&sort=-lastAt")).json.items).toHaveLength(3);
    expect((await owner.send("GET", "/alarms?state=resolved")).json.items).toEqual([]);
    expect((await owner.send("GET", "/alarms/counts")).json).toEqual({
      open: 4,
      openProblems: 3,
      acknowledged: 0,
      byKind: [
        { kind: "pipe_taken", severity: "problem", state: "open", count: 3 },
        { kind: "refusals_in_a_row", severity: "warning", state: "open", count: 1 },
      ],
    });
    expect((await acknowledge(first.items[1].id, "seen it", owner)).status).toBe(200);
    expect((await owner.send("GET", "/alarms/counts")).json).toMatchObject({
      open: 3,
      openProblems: 2,
      acknowledged: 0,
    });

    expect((await owner.send("GET", `/alarms?tenantId=${acme.id}`)).json.code).toBe("not_found");
    expect((await owner.send("GET", `/alarms/counts?tenantId=${acme.id}`)).json.code).toBe("not_found");
    const own = (await owner.send("GET", "/alarms?limit=500")).json.items;
    expect(own.every(({ tenant }: { tenant: { id: string } }) => tenant.id === umbrella.id)).toBe(true);
    const foreign = await makeUser(cluster, admin, "otto", [{ role: "tenant_owner", tenantId: acme.id }]);
    expect((await foreign.send("GET", `/alarms/${first.items[0].id}`)).json.code).toBe("not_found");
    expect((await acknowledge(first.items[0].id, "not mine", foreign)).json.code).toBe("not_found");
  });
});
