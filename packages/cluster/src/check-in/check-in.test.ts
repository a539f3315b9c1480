import { generateKeyPairSync } from "node:crypto";
import { maxBodyBytes, sealCheckIn, signerOf } from "@postern/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Caller, logInAsAdmin, startTestCluster, type TestCluster } from "../test-cluster.fixture.ts";
import { enrol, type FakeAgent, newEnrolAttempt, postMessage, tryEnrol } from "./fake-agent.fixture.ts";
import { makeActivationKey, makeTenant, type TestTenant } from "./scene.fixture.ts";

// Long enough that an answer which came because the hold was over would run into the test's own time limit.
const longHold = { holdMs: 40_000, pollMs: 0 };

let cluster: TestCluster;
let admin: Caller;
let acme: TestTenant;
let activationKey: string;

beforeAll(async () => {
  cluster = await startTestCluster({ timing: longHold });
  admin = await logInAsAdmin(cluster);
  acme = await makeTenant(admin, "Acme");
  activationKey = await makeActivationKey(admin, acme.id);
});

afterAll(() => cluster.close());

function setProtection(change: object): ReturnType<Caller["send"]> {
  return admin.send("PATCH", `/profiles/${acme.profileId}`, { serviceProtection: change });
}

/** Waits until the cluster has taken the check-in that was sent last, so that it is held. */
async function untilSeen(agent: FakeAgent, n: number): Promise<void> {
  const reached = async () => {
    const [row] = await cluster.database.query(`select n from presence where agent_id = '${agent.agentId}'`);
    return Number(row?.["n"]);
  };
  while ((await reached()) < n) await new Promise((resolve) => setTimeout(resolve, 10));
  // The turn begins right after the row is there.
  await new Promise((resolve) => setTimeout(resolve, 30));
}

test("a held check-in is answered by a change of the profile, and not before", async () => {
  const agent = await enrol(cluster.url, activationKey);
  const order: string[] = [];
  const held = agent.checkIn().then((exchange) => {
    order.push("answered");
    return exchange;
  });
  await untilSeen(agent, 1);
  order.push("changed");
  await setProtection({ on: true });
  const { answer, config } = await held;
  expect(order).toEqual(["changed", "answered"]);
  expect(config?.cfg.serviceProtection.on).toBe(true);
  expect(answer?.next).toEqual({ holdMs: 40_000, afterMs: 0 });
  const { json } = await admin.send("GET", `/agents/${agent.agentId}/config`);
  expect(json).toMatchObject({ rev: config?.rev, applied: false, config: { serviceProtection: { on: true } } });
});

test("a change made while the agent was away is answered at once, and applied is applied", async () => {
  const agent = await enrol(cluster.url, activationKey);
  await setProtection({ liftSeconds: 61 });
  expect((await agent.checkIn()).config?.cfg.serviceProtection.liftSeconds).toBe(61);
  const held = agent.checkIn();
  await untilSeen(agent, 2);
  const { json } = await admin.send("GET", `/agents/${agent.agentId}`);
  expect(json.config).toEqual({ desiredRev: agent.applied.rev, appliedRev: agent.applied.rev, refused: null });
  expect(json.trustBundle).toEqual({ current: 1, acknowledged: 1 });
  await setProtection({ liftSeconds: 62 });
  await held;
});

test.each([
  ["has just started", (agent: FakeAgent) => agent.checkIn({ facts: newEnrolAttempt().facts })],
  [
    "brings journal entries",
    (agent: FakeAgent) => {
      agent.journal("drift");
      return agent.checkIn();
    },
  ],
])("an agent that %s is answered at once, although there is nothing new for it", async (_, checkIn) => {
  const agent = await enrol(cluster.url, activationKey);
  const began = performance.now();
  const { status, config } = await checkIn(agent);
  expect({ status, config }).toEqual({ status: 200, config: undefined });
  expect(performance.now() - began).toBeLessThan(longHold.holdMs / 10);
});

test("a change of another profile answers nobody", async () => {
  const agent = await enrol(cluster.url, activationKey);
  let answered = false;
  const held = agent.checkIn().finally(() => {
    answered = true;
  });
  await untilSeen(agent, 1);
  const other = await makeTenant(admin, "Bystander");
  await admin.send("PATCH", `/profiles/${other.profileId}`, { serviceProtection: { on: true } });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(answered).toBe(false);
  await setProtection({ liftSeconds: 63 });
  await held;
});

test("a newer check-in of the same agent ends the older one", async () => {
  const agent = await enrol(cluster.url, activationKey);
  const older = agent.checkIn();
  await untilSeen(agent, 1);
  const newer = agent.checkIn();
  expect(await older).toMatchObject({ status: 409, code: "superseded" });
  await setProtection({ liftSeconds: 64 });
  expect((await newer).status).toBe(200);
});

test("a recorded check-in is refused, also after a restart of the cluster, and does not end the real one", async () => {
  const agent = await enrol(cluster.url, activationKey);
  await setProtection({ liftSeconds: 65 });
  const recorded = await agent.seal();
  expect((await agent.send(recorded.request, recorded.nonce)).status).toBe(200);
  expect(await agent.send(recorded.request, recorded.nonce)).toMatchObject({ status: 409, code: "check_in_replayed" });

  const restarted = await startTestCluster({ timing: { holdMs: 0, pollMs: 0 } });
  const key = await makeActivationKey(
    await logInAsAdmin(restarted),
    (await makeTenant(await logInAsAdmin(restarted), "T")).id,
  );
  const other = await enrol(restarted.url, key);
  const sent = await other.seal();
  await other.send(sent.request, sent.nonce);
  await restarted.restart();
  const answer = await postMessage(`${restarted.url}/agent/v1/check-in`, sent.request);
  expect(await answer.json()).toMatchObject({ status: 409, code: "check_in_replayed" });
  await restarted.close();

  const held = agent.checkIn();
  await untilSeen(agent, 2);
  expect(await agent.send(recorded.request, recorded.nonce)).toMatchObject({ code: "check_in_replayed" });
  await setProtection({ liftSeconds: 66 });
  expect((await held).status).toBe(200);
});

test("n rises within a boot, and a new boot begins anew", async () => {
  const agent = await enrol(cluster.url, activationKey);
  const change = { applied: { rev: 0 } }; // answered at once
  expect((await agent.checkIn({ ...change, boot: 1_000, n: 5 })).status).toBe(200);
  expect(await agent.checkIn({ ...change, boot: 1_000, n: 5 })).toMatchObject({ code: "check_in_replayed" });
  expect(await agent.checkIn({ ...change, boot: 1_000, n: 4 })).toMatchObject({ code: "check_in_replayed" });
  expect(await agent.checkIn({ ...change, boot: 999, n: 6 })).toMatchObject({ code: "check_in_replayed" });
  expect((await agent.checkIn({ ...change, boot: 1_001, n: 1 })).status).toBe(200);
});

test("another agent's signature is refused in the same words as an unknown agent", async () => {
  const [agent, other] = [await enrol(cluster.url, activationKey), await enrol(cluster.url, activationKey)];
  const forged = await agent.checkIn({ sub: other.agentId });
  expect(forged).toMatchObject({ status: 401, code: "agent_unauthenticated" });
  const unknown = await agent.checkIn({ sub: "0193f0a0-0000-7000-8000-000000000001" });
  expect(unknown).toMatchObject({ status: 401, code: "agent_unauthenticated" });
});

test("a message altered on its way is refused", async () => {
  const agent = await enrol(cluster.url, activationKey);
  const { request, nonce } = await agent.seal({ applied: { rev: 0 } });
  const [head, payload, signature] = request.split(".") as [string, string, string];
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
  const changed = Buffer.from(JSON.stringify({ ...claims, bundleVer: 0 })).toString("base64url");
  expect(await agent.send(`${head}.${changed}.${signature}`, nonce)).toMatchObject({ code: "agent_unauthenticated" });
  expect((await agent.send(request, nonce)).status).toBe(200);
});

test("a check-in signed by a key that only claims to be the agent's is refused", async () => {
  const agent = await enrol(cluster.url, activationKey);
  const thief = signerOf(generateKeyPairSync("ed25519").privateKey);
  const { nonce } = await agent.seal();
  const forged = await sealCheckIn(
    {
      sub: agent.agentId,
      nonce,
      boot: Date.now() + 1_000,
      n: 1,
      protection: { state: "off", since: 0, layers: {} },
      applied: { rev: 0 },
      bundleVer: 1,
      journal: { id: agent.journalId, entries: [] },
    },
    { ...thief, kid: agent.identityKey.kid },
  );
  expect(await agent.send(forged, nonce)).toMatchObject({ status: 401, code: "agent_unauthenticated" });
});

test("reports are stored: facts, protection, what was applied and what was refused", async () => {
  const agent = await enrol(cluster.url, activationKey);
  const services = [{ name: "Sysmon64", state: "guarded" }];
  await agent.checkIn({
    facts: { ...newEnrolAttempt().facts, hostName: "DB-08", agentVersion: "0.2.0" },
    protection: { state: "lifted", since: 1_764_000_000_000, budgetLeft: 90, layers: { serviceDacl: "off" }, services },
    applied: { rev: 1, refused: { rev: 2, code: "stale_revision" } },
  });
  const { json } = await admin.send("GET", `/agents/${agent.agentId}`);
  expect(json).toMatchObject({
    hostName: "DB-08",
    agentVersion: "0.2.0",
    protection: "lifted",
    protectionReport: {
      since: "2025-11-24T16:00:00.000Z",
      budgetLeftSeconds: 90,
      layers: { serviceDacl: "off" },
      otherServices: services,
    },
    config: { appliedRev: 1, refused: { rev: 2, code: "stale_revision" } },
  });
  expect((await admin.send("GET", `/agents?q=b-08&protection=lifted&tenantId=${acme.id}`)).json.items).toMatchObject([
    { id: agent.agentId, hostName: "DB-08" },
  ]);
});

test("facts that name another platform do not change the agent's", async () => {
  const agent = await enrol(cluster.url, activationKey);
  await agent.checkIn({ facts: { ...newEnrolAttempt().facts, platform: "linux" }, applied: { rev: 0 } });
  expect((await admin.send("GET", `/agents/${agent.agentId}`)).json.platform).toBe("windows");
});

test("a config that the agent refused is not sent again until it changes", async () => {
  const agent = await enrol(cluster.url, activationKey);
  const refused = { rev: agent.applied.rev, code: "stale_revision" };
  const held = agent.checkIn({ applied: { rev: 1, refused } });
  await untilSeen(agent, 1);
  await setProtection({ liftSeconds: 67 });
  const { answer, config } = await held;
  expect(answer?.rev).toBeGreaterThan(refused.rev);
  expect(config?.cfg.serviceProtection.liftSeconds).toBe(67);
});

test("an agent that knows a higher revision than a restored database is led past it, once", async () => {
  const agent = await enrol(cluster.url, activationKey);
  const known = Date.now() + 3_600_000;
  const first = await agent.checkIn({ applied: { rev: known } });
  expect(first.config?.rev).toBe(known + 1);
  const held = agent.checkIn({ applied: { rev: known + 1 } });
  await untilSeen(agent, 2);
  await setProtection({ liftSeconds: 68 });
  const { config } = await held;
  expect(config?.rev).toBeGreaterThan(known + 1);
  expect(config?.cfg.serviceProtection.liftSeconds).toBe(68);
});

test.each([
  ["no signed message", "hello", {}, 400, "message_refused"],
  ["no protocol that is spoken here", "hello", { "postern-protocol": "0" }, 426, "protocol_unsupported"],
  ["a compressed body", "hello", { "content-encoding": "gzip" }, 415, "encoding_unsupported"],
  ["a body over 128 KiB", "x".repeat(maxBodyBytes), {}, 413, "body_too_large"],
])("%s is answered with a code", async (_, message, headers, status, code) => {
  const response = await postMessage(`${cluster.url}/agent/v1/check-in`, message, { headers });
  expect(await response.json()).toMatchObject({ status, code });
  if (status === 426) {
    expect(response.headers.get("postern-protocol")).toBe("1");
    expect(response.headers.get("upgrade")).toBe("postern/1");
  }
});

test("the longest message that agents may send is taken", async () => {
  const agent = await enrol(cluster.url, activationKey);
  for (let i = 0; i < 100; i++) agent.journal("drift", { what: "x".repeat(200), where: "ö".repeat(100) });
  const { status, answer } = await agent.checkIn({ applied: { rev: 0 } });
  expect({ status, acked: answer?.journalAcked }).toEqual({ status: 200, acked: 100 });
});

test("an agent that closes its connection is let go", async () => {
  const agent = await enrol(cluster.url, activationKey);
  const controller = new AbortController();
  const held = agent.checkIn({}, controller.signal);
  await untilSeen(agent, 1);
  controller.abort();
  await expect(held).rejects.toThrow();
  const again = agent.checkIn();
  await untilSeen(agent, 2);
  await setProtection({ liftSeconds: 69 });
  expect((await again).status).toBe(200);
});

test("the hold ends by itself, with nothing new", async () => {
  const short = await startTestCluster({ timing: { holdMs: 100, pollMs: 0 } });
  const shortAdmin = await logInAsAdmin(short);
  const agent = await enrol(short.url, await makeActivationKey(shortAdmin, (await makeTenant(shortAdmin, "T")).id));
  const began = performance.now();
  const { answer, config } = await agent.checkIn();
  expect(performance.now() - began).toBeGreaterThanOrEqual(89);
  expect(config).toBeUndefined();
  expect(answer).toMatchObject({ rev: agent.applied.rev, bundleVer: 1, revoked: [], journalAcked: 0 });
  await short.close();
});

test("polling: an answer at once, and the time to come again", async () => {
  const polled = await startTestCluster({ timing: { holdMs: 0, pollMs: 15_000 } });
  const polledAdmin = await logInAsAdmin(polled);
  const agent = await enrol(polled.url, await makeActivationKey(polledAdmin, (await makeTenant(polledAdmin, "T")).id));
  expect((await agent.checkIn()).answer?.next).toEqual({ holdMs: 0, afterMs: 15_000 });
  const state = async () => (await polledAdmin.send("GET", `/agents/${agent.agentId}`)).json.state;
  expect(await state()).toBe("active");
  polled.advance(15_000 + 59_000);
  expect(await state()).toBe("active");
  polled.advance(2_000);
  expect(await state()).toBe("inactive");
  const agents = async (filter: string) => (await polledAdmin.send("GET", `/agents?state=${filter}`)).json.items.length;
  expect([await agents("active"), await agents("inactive")]).toEqual([0, 1]);
  await polled.close();
});

test("the profile says how long a check-in is held, and when the agent comes again", async () => {
  const profiled = await startTestCluster({ timing: { holdMs: 40_000, pollMs: 30_000 } });
  const owner = await logInAsAdmin(profiled);
  const tenant = await makeTenant(owner, "T");
  const agent = await enrol(profiled.url, await makeActivationKey(owner, tenant.id));
  const state = async () => (await owner.send("GET", `/agents/${agent.agentId}`)).json.state;

  // Told to a held agent at once, which is then expected when it was told to come.
  const held = agent.checkIn();
  await new Promise((resolve) => setTimeout(resolve, 300));
  await owner.send("PATCH", `/profiles/${tenant.profileId}`, { checkIn: { holdMs: 1_000, afterMs: 600_000 } });
  expect((await held).answer?.next).toEqual({ holdMs: 1_000, afterMs: 600_000 });
  profiled.advance(600_000);
  expect(await state()).toBe("active");
  profiled.advance(62_000);
  expect(await state()).toBe("inactive");

  const began = performance.now();
  expect((await agent.checkIn()).answer?.next).toEqual({ holdMs: 1_000, afterMs: 600_000 });
  expect(performance.now() - began).toBeGreaterThanOrEqual(890);
  await owner.send("PATCH", `/profiles/${tenant.profileId}`, { checkIn: { holdMs: 0, afterMs: null } });
  expect((await agent.checkIn()).answer?.next).toEqual({ holdMs: 0, afterMs: 30_000 });
  await profiled.close();
}, 20_000);

test("the signed config brings services and the desired version, and only when they are set", async () => {
  const agent = await enrol(cluster.url, activationKey);
  expect(Object.keys(agent.applied.cfg)).toEqual(["serviceProtection"]);
  expect(Object.keys(agent.applied.cfg.serviceProtection)).not.toContain("services");
  const held = agent.checkIn();
  await untilSeen(agent, 1);
  const settings = { serviceProtection: { services: ["Sysmon64", "osqueryd"] }, desiredVersion: "1.4.2" };
  await admin.send("PATCH", `/profiles/${acme.profileId}`, { ...settings, cleanUpAfterDays: 30 });
  expect((await held).config?.cfg).toMatchObject(settings);
  const { json } = await admin.send("GET", `/agents/${agent.agentId}/config`);
  expect(json.config).toEqual(agent.applied.cfg);
  await admin.send("PATCH", `/profiles/${acme.profileId}`, {
    serviceProtection: { services: [] },
    desiredVersion: null,
    cleanUpAfterDays: null,
  });
});

test("a change of a profile writes one row of it, and none of its agents", async () => {
  const tenant = await makeTenant(admin, "Rows");
  const key = await makeActivationKey(admin, tenant.id);
  const agents = await Promise.all([1, 2, 3].map(() => enrol(cluster.url, key)));
  const rows = () => cluster.database.query(`select * from agent where tenant_id = '${tenant.id}' order by id`);
  // All that they have to report is stored; what follows brings nothing new.
  for (const agent of agents) {
    agent.journal("drift");
    await agent.checkIn();
  }
  const held = agents.map((agent) => agent.checkIn());
  for (const agent of agents) await untilSeen(agent, 2);
  const before = await rows();
  await admin.send("PATCH", `/profiles/${tenant.profileId}`, { serviceProtection: { liftSeconds: 77 } });
  for (const { config } of await Promise.all(held)) expect(config?.cfg.serviceProtection.liftSeconds).toBe(77);
  expect(await rows()).toEqual(before);
});

test("a shutdown ends held check-ins with 503 and when to come again", async () => {
  const stopping = await startTestCluster({ timing: longHold });
  const stoppingAdmin = await logInAsAdmin(stopping);
  const { id } = await makeTenant(stoppingAdmin, "T");
  const { agent } = await tryEnrol(stopping.url, await makeActivationKey(stoppingAdmin, id), newEnrolAttempt());
  const held = agent?.checkIn();
  await new Promise((resolve) => setTimeout(resolve, 100));
  await stopping.close();
  const ended = await held;
  expect(ended).toMatchObject({ status: 503, code: "shutting_down" });
  expect(stopping.log()).not.toContain("request failed");
  expect(ended?.headers.get("retry-after")).toBe("1");
});
