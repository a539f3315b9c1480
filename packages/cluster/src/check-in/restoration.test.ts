import { generateKeyPairSync } from "node:crypto";
import { type AgentIdentity, sealAgentIdentity, sealCheckIn, signerOf } from "@postern/protocol";
import { issuerOf, type Signer } from "@postern/token";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Caller, logInAsAdmin, startTestCluster, type TestCluster } from "../test-cluster.fixture.ts";
import { type Exchange, enrol, type FakeAgent, newEnrolAttempt } from "./fake-agent.fixture.ts";
import { makeActivationKey, makeTenant, type TestTenant } from "./scene.fixture.ts";

let cluster: TestCluster;
let admin: Caller;
let acme: TestTenant;
let umbrella: TestTenant;
let activationKey: string;

beforeAll(async () => {
  cluster = await startTestCluster({ timing: { holdMs: 0, pollMs: 0 } });
  admin = await logInAsAdmin(cluster);
  acme = await makeTenant(admin, "Acme");
  umbrella = await makeTenant(admin, "Umbrella");
  await admin.send("PATCH", `/profiles/${acme.profileId}`, { serviceProtection: { on: true } });
  activationKey = await makeActivationKey(admin, acme.id);
});

afterAll(() => cluster.close());

/** As after the restore of a backup that was made before the agent enrolled. */
async function lose({ agentId }: FakeAgent): Promise<void> {
  for (const table of ["agent_label", "enrolment", "presence"]) {
    await cluster.database.query(`delete from ${table} where agent_id = '${agentId}'`);
  }
  await cluster.database.query(`delete from agent where id = '${agentId}'`);
}

async function newAgent(hostName: string): Promise<FakeAgent> {
  const agent = await enrol(cluster.url, activationKey, { hostName });
  await agent.checkIn();
  return agent;
}

function remind(agent: FakeAgent, hostName: string, identity = agent.identity): Promise<Exchange> {
  return agent.checkIn({ identity, facts: newEnrolAttempt({ hostName }).facts });
}

async function isThere({ agentId }: FakeAgent): Promise<boolean> {
  return (await admin.send("GET", `/agents/${agentId}`)).status === 200;
}

test("an agent whose row was lost comes back by its identity, marked restored until somebody has looked", async () => {
  const agent = await newAgent("lost-1");
  await lose(agent);
  expect(await agent.checkIn()).toMatchObject({ status: 401, code: "agent_unauthenticated" });
  expect((await remind(agent, "lost-1")).status).toBe(200);
  const { json } = await admin.send("GET", `/agents/${agent.agentId}`);
  expect(json).toMatchObject({
    tenantId: acme.id,
    hostName: "lost-1",
    state: "restored",
    protection: "on",
    identityThumbprint: agent.identityKey.kid,
    standing: { is: "restored", by: null },
  });
  expect(json.config.desiredRev).toBeGreaterThanOrEqual(agent.applied.rev);
  expect((await agent.checkIn()).status).toBe(200);
  expect((await admin.send("GET", "/agents?state=restored")).json.items).toMatchObject([{ id: agent.agentId }]);
  const { items } = (await admin.send("GET", `/audit?action=agent.restore&targetId=${agent.agentId}`)).json;
  expect(items).toMatchObject([{ who: { kind: "agent" }, details: { protection: "on" } }]);
  expect((await admin.send("POST", `/agents/${agent.agentId}/confirm-restored`, {})).status).toBe(204);
  expect((await admin.send("GET", `/agents/${agent.agentId}`)).json.state).toBe("active");
});

describe("who does not come back", () => {
  test("a deleted agent, whatever it brings", async () => {
    const agent = await newAgent("lost-2");
    await admin.send("DELETE", `/agents/${agent.agentId}`);
    expect(await remind(agent, "lost-2")).toMatchObject({ status: 403, code: "agent_deleted" });
    expect(await isThere(agent)).toBe(false);
  });

  test("a decommissioned agent", async () => {
    const agent = await newAgent("lost-3");
    await admin.send("POST", `/agents/${agent.agentId}/decommission`, {});
    await agent.checkIn();
    await agent.checkIn();
    expect(await remind(agent, "lost-3")).toMatchObject({ status: 403, code: "agent_decommissioned" });
  });

  test("one that says no facts", async () => {
    const agent = await newAgent("lost-4");
    await lose(agent);
    expect(await agent.checkIn({ identity: agent.identity })).toMatchObject({ code: "agent_unauthenticated" });
    expect(await isThere(agent)).toBe(false);
  });

  test("one whose identity a compromised config key has signed", async () => {
    const agent = await newAgent("lost-5");
    const other = await newAgent("here-5");
    await lose(agent);
    const [config] = (await admin.send("GET", "/keys?use=config&state=active")).json.items;
    await admin.send("POST", `/keys/${config.kid}/compromise`, { reason: "it was on a lost disk" });
    expect(await remind(agent, "lost-5")).toMatchObject({ code: "agent_unauthenticated" });
    expect((await other.checkIn()).status).toBe(200);
  });

  test("one whose tenant was lost, too", async () => {
    const gone = await makeTenant(admin, "Gone");
    const agent = await enrol(cluster.url, await makeActivationKey(admin, gone.id), { hostName: "lost-6" });
    await lose(agent);
    await cluster.database.query(`delete from activation_key where tenant_id = '${gone.id}'`);
    await cluster.database.query(`delete from profile_version where tenant_id = '${gone.id}'`);
    await cluster.database.query(`delete from profile where tenant_id = '${gone.id}'`);
    await cluster.database.query(`delete from tenant where id = '${gone.id}'`);
    expect(await remind(agent, "lost-6")).toMatchObject({ code: "agent_unauthenticated" });
  });
});

describe("forged identities", () => {
  /** A check-in in the name of `sub`, with this identity, signed by `key`. */
  async function send(agent: FakeAgent, sub: string, identity: string, key: Signer): Promise<Exchange> {
    const { nonce } = await agent.seal();
    const request = await sealCheckIn(
      {
        sub,
        nonce,
        boot: Date.now(),
        n: 1,
        facts: newEnrolAttempt({ hostName: "forged" }).facts,
        protection: { state: "off", since: 0, layers: {} },
        applied: { rev: 0 },
        bundleVer: 1,
        journal: { id: agent.journalId, entries: [] },
        identity,
      },
      key,
    );
    return agent.send(request, nonce);
  }

  const stranger = signerOf(generateKeyPairSync("ed25519").privateKey);

  async function ownIdentity(agent: FakeAgent, change: Partial<AgentIdentity>, key = stranger): Promise<string> {
    const iss = issuerOf(agent.bundle.clusterId);
    return sealAgentIdentity(
      { iss, sub: agent.agentId, tid: acme.id, jkt: stranger.kid, iat: 1_700_000_000, ...change },
      key,
    );
  }

  test.each([
    ["one that the stranger signed himself", (agent: FakeAgent) => ownIdentity(agent, {})],
    ["the agent's own, under the stranger's key", async (agent: FakeAgent) => agent.identity],
    ["one that the agent signed", (agent: FakeAgent) => ownIdentity(agent, {}, agent.identityKey)],
  ])("%s brings nobody back", async (_, identityOf) => {
    const agent = await newAgent("forged-1");
    await lose(agent);
    const identity = await identityOf(agent);
    expect(await send(agent, agent.agentId, identity, stranger)).toMatchObject({ code: "agent_unauthenticated" });
    expect(await isThere(agent)).toBe(false);
  });

  test("another agent's identity makes nobody that agent", async () => {
    const [agent, other] = [await newAgent("forged-2"), await newAgent("forged-3")];
    await lose(agent);
    const sent = await send(other, agent.agentId, agent.identity, other.identityKey);
    expect(sent).toMatchObject({ code: "agent_unauthenticated" });
    const own = await send(other, agent.agentId, other.identity, other.identityKey);
    expect(own).toMatchObject({ code: "agent_unauthenticated" });
    expect(await isThere(agent)).toBe(false);
  });

  test("an identity says of which tenant the agent is, and nothing else does", async () => {
    const agent = await enrol(cluster.url, await makeActivationKey(admin, umbrella.id), { hostName: "forged-4" });
    await lose(agent);
    const moved = await ownIdentity(agent, { tid: acme.id, jkt: agent.identityKey.kid });
    expect(await remind(agent, "forged-4", moved)).toMatchObject({ code: "agent_unauthenticated" });
    expect((await remind(agent, "forged-4")).status).toBe(200);
    expect((await admin.send("GET", `/agents/${agent.agentId}`)).json.tenantId).toBe(umbrella.id);
  });

  test("an agent that is known is who its row says, whatever identity it brings", async () => {
    const agent = await newAgent("forged-5");
    const { nonce } = await agent.seal();
    const sent = await send(agent, agent.agentId, await ownIdentity(agent, {}), stranger);
    expect({ nonce: nonce.length, code: sent.code }).toEqual({ nonce: 22, code: "agent_unauthenticated" });
    expect((await remind(agent, "forged-5", "not.an.identity")).status).toBe(200);
  });
});

test("what a restored agent reports does not weaken it: it keeps a protecting profile until a user confirms", async () => {
  const lax = (await admin.send("POST", "/profiles", { tenantId: acme.id, name: "lax" })).json;
  const filter = { hostName: "lab-*" };
  await admin.send("POST", "/intents", { tenantId: acme.id, name: "lab", profileId: lax.id, filter });
  const agent = await newAgent("vault-9");
  await lose(agent);
  const { status, config } = await remind(agent, "lab-9");
  expect(status).toBe(200);
  expect(config?.cfg.serviceProtection.on ?? true).toBe(true);
  const { json } = await admin.send("GET", `/agents/${agent.agentId}`);
  expect(json).toMatchObject({ profileId: acme.profileId, wouldDrop: { profileId: lax.id } });
  const { items } = (await admin.send("GET", `/alarms?agentId=${agent.agentId}&kind=would_drop`)).json;
  expect(items).toHaveLength(1);
});
