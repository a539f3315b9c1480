import { existsSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { enrol, type FakeAgent } from "../../src/check-in/fake-agent.fixture.ts";
import { makePostgresDatabase, queryPostgres } from "../../src/test-database.fixture.ts";
import { type Caller, call, listAll, logIn, logInAsAdmin, send } from "../http-client.ts";
import { type RunningCluster, startCluster } from "../running-cluster.ts";

// Two nodes of one cluster, as processes, each with a data directory of its own.

let database: Awaited<ReturnType<typeof makePostgresDatabase>>;
let directoryOfB: string;
let a: RunningCluster;
let b: RunningCluster;
let admin: Caller;
let tenantId: string;
let activationKey: string;

beforeAll(async () => {
  database = await makePostgresDatabase();
  a = await startCluster({ env: { DATABASE_URL: database.url } });
  directoryOfB = await mkdtemp(join(tmpdir(), "postern-node-"));
  await cp(join(a.directory, "data/keys"), join(directoryOfB, "keys"), { recursive: true });
  b = await startCluster({ env: { DATABASE_URL: database.url, POSTERN_DATA: directoryOfB } });
  admin = await logInAsAdmin(a);
  tenantId = (await call<{ id: string }>(a, admin, "POST", "/tenants", { name: "acme" })).id;
  activationKey = (await call<{ key: string }>(a, admin, "POST", "/activation-keys", { tenantId, maxUses: 50 })).key;
});

afterAll(async () => {
  await a.remove();
  await b.remove();
  await rm(directoryOfB, { recursive: true });
  await database.drop();
});

/** Waits until the database has seen an agent's check-in, so that it is held. */
async function untilHeld({ agentId }: FakeAgent, n: number): Promise<void> {
  const reached = async () => {
    const [row] = await queryPostgres(database.url, `select n from presence where agent_id = '${agentId}'`);
    return Number(row?.["n"]);
  };
  while ((await reached()) < n) await new Promise((resolve) => setTimeout(resolve, 10));
  await new Promise((resolve) => setTimeout(resolve, 50));
}

async function setLift(node: RunningCluster, liftSeconds: number): Promise<void> {
  const [profile] = await listAll<{ id: string }>(node, admin, `/profiles?tenantId=${tenantId}`);
  await call(node, admin, "PATCH", `/profiles/${profile?.id}`, { serviceProtection: { liftSeconds } });
}

/** Names of the events that a node streams, while the work is done. */
async function streamedBy(node: RunningCluster, work: () => Promise<unknown>, wanted: readonly string[]) {
  const gone = new AbortController();
  const response = await fetch(`${node.url}/api/v1/stream`, { headers: admin.headers, signal: gone.signal });
  const seen: string[] = [];
  const reading = (async () => {
    for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      for (const [, name = ""] of Buffer.from(piece)
        .toString()
        .matchAll(/^event: (.*)$/gm))
        seen.push(name);
      if (seen[0] === "hello" && seen.length === 1) await work();
      if (wanted.every((name) => seen.includes(name))) break;
    }
  })();
  await reading;
  gone.abort();
  return seen;
}

/** An agent that enrolled at one node and speaks to the other from now on. */
async function agentAt(node: RunningCluster, hostName: string): Promise<FakeAgent> {
  const agent = await enrol(a.url, activationKey, { hostName, machineId: hostName });
  agent.moveTo(node.url);
  return agent;
}

test("who has logged in at one node is known at the other, and logged out of both", async () => {
  const somebody = await logIn(a, "admin", a.adminPassword);
  expect((await send(b, somebody, "GET", "/session")).status).toBe(200);
  expect((await send(b, somebody, "DELETE", "/session")).status).toBe(204);
  expect((await send(a, somebody, "GET", "/session")).status).toBe(401);
});

test("a profile changed at one node reaches an agent that the other holds, in about a second", async () => {
  const agent = await agentAt(b, "held");
  const held = agent.checkIn();
  await untilHeld(agent, 1);
  const changedAt = performance.now();
  await setLift(a, 777);
  const { config } = await held;
  expect(config?.cfg.serviceProtection.liftSeconds).toBe(777);
  expect(performance.now() - changedAt).toBeLessThan(1_500);
});

test("a token generated at one node is retrieved at the other with the same bytes", async () => {
  const agent = await agentAt(b, "token");
  const body = { kind: "agent", agentId: agent.agentId, reason: "the disk is full" };
  const made = await call<{ id: string; token: string }>(a, admin, "POST", "/agent-tokens", body);
  const download = await send(b, admin, "GET", `/agent-tokens/${made.id}/download`);
  expect(await download.text()).toBe(`${made.token}\n`);
});

test("a token revoked at one node is told to an agent that the other holds", async () => {
  const agent = await agentAt(b, "revoked");
  const body = { kind: "agent", agentId: agent.agentId, reason: "to be revoked" };
  const { id } = await call<{ id: string }>(a, admin, "POST", "/agent-tokens", body);
  const held = agent.checkIn();
  await untilHeld(agent, 1);
  expect((await send(a, admin, "DELETE", `/agent-tokens/${id}`)).status).toBe(204);
  expect((await held).answer?.revoked).toContain(id);
});

test("a key rotated at one node is told to an agent that the other holds, which signs with it; destroyed, it is gone from both", async () => {
  const agent = await agentAt(b, "rotated");
  const held = agent.checkIn();
  await untilHeld(agent, 1);
  const reason = "a drill";
  const { made } = await call<{ made: { kid: string } }>(a, admin, "POST", "/keys/token/rotate", { reason });
  expect((await held).answer?.bundle).toBeDefined();
  await call(a, admin, "POST", "/keys/config/rotate", { reason });
  await agent.checkIn();
  await agent.checkIn({ applied: { rev: 0 } });
  const body = { kind: "agent", agentId: agent.agentId, reason };
  const { id, token } = await call<{ id: string; token: string }>(b, admin, "POST", "/agent-tokens", body);
  expect(JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()).kid).toBe(made.kid);

  await call(a, admin, "POST", `/keys/${made.kid}/compromise`, { reason });
  expect((await send(b, admin, "GET", `/agent-tokens/${id}/download`)).status).toBe(409);
  const files = [join(a.directory, "data/keys"), join(directoryOfB, "keys")].map((d) => join(d, `${made.kid}.json`));
  for (const file of files) expect(existsSync(file)).toBe(true);
  await call(a, admin, "POST", `/keys/${made.kid}/destroy`, { reason, stranded: 0 });
  await agent.checkIn({ applied: { rev: 0 } });
  for (const file of files) expect(existsSync(file)).toBe(false);
});

test("a check-in that one node has taken is refused by the other", async () => {
  const agent = await agentAt(a, "replayed");
  const { request, nonce } = await agent.seal({ applied: { rev: 0 } });
  expect((await agent.send(request, nonce)).status).toBe(200);
  agent.moveTo(b.url);
  expect(await agent.send(request, nonce)).toMatchObject({ status: 409, code: "check_in_replayed" });
});

test("an agent that goes to another node is answered there; the check-in it left behind ends with its hold", async () => {
  const agent = await agentAt(a, "moving");
  const left = new AbortController();
  const leftBehind = agent.checkIn({}, left.signal);
  await untilHeld(agent, 1);
  agent.moveTo(b.url);
  const held = agent.checkIn();
  await untilHeld(agent, 2);
  await setLift(b, 778);
  expect((await held).config?.cfg.serviceProtection.liftSeconds).toBe(778);
  // The same change ends the other one too: nothing waits that nobody waits for.
  expect((await leftBehind).status).toBe(200);
});

test("signals that were missed are made up for", async () => {
  const agent = await agentAt(b, "missed");
  const held = agent.checkIn();
  await untilHeld(agent, 1);
  await queryPostgres(
    database.url,
    "select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen postern' and datname = current_database()",
  );
  await setLift(a, 779);
  expect((await held).config?.cfg.serviceProtection.liftSeconds).toBe(779);
});

test("the audit log is one, whoever writes to it, and whole", async () => {
  const keysAt = (node: RunningCluster) =>
    Array.from({ length: 25 }, () => call<{ id: string }>(node, admin, "POST", "/activation-keys", { tenantId }));
  const made = await Promise.all([...keysAt(a), ...keysAt(b)]);
  const entries = await listAll<{ target: { id: string } }>(b, admin, "/audit?action=activation-key.create");
  const targets = new Set(entries.map(({ target }) => target.id));
  expect(made.filter(({ id }) => !targets.has(id))).toEqual([]);
  for (const node of [a, b])
    expect(await call(node, admin, "GET", "/audit/verification")).toMatchObject({ intact: true });
});

test("of a last use of an activation key, two nodes give one", async () => {
  const { key } = await call<{ key: string }>(a, admin, "POST", "/activation-keys", { tenantId, maxUses: 1 });
  const attempts = await Promise.allSettled([
    enrol(a.url, key, { machineId: "x" }),
    enrol(b.url, key, { machineId: "y" }),
  ]);
  expect(attempts.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
});

test("a node that is killed takes nothing with it that was acknowledged", async () => {
  const acknowledged = new Map<string, string>();
  let rounds = 0;
  for (; rounds < 4; rounds++) {
    const writeUntilCutOff = async (): Promise<void> => {
      for (;;) {
        try {
          const body = { kind: "tenant", tenantId, reason: "to be killed" };
          const made = await call<{ id: string; token: string }>(b, admin, "POST", "/agent-tokens", body);
          acknowledged.set(made.id, made.token);
        } catch (error) {
          if (error instanceof TypeError && /fetch failed|terminated/.test(error.message)) return;
          throw error;
        }
      }
    };
    const writers = Array.from({ length: 8 }, writeUntilCutOff);
    while (acknowledged.size <= (rounds + 1) * 5) await new Promise((resolve) => setTimeout(resolve, 10));
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 200));
    await b.kill();
    await Promise.all(writers);
    // The other node goes on at once, with all of it.
    const listed = await listAll<{ id: string }>(a, admin, "/agent-tokens");
    const ids = new Set(listed.map(({ id }) => id));
    expect([...acknowledged.keys()].filter((id) => !ids.has(id))).toEqual([]);
    await setLift(a, 800 + rounds);
    await b.start();
  }
  for (const [id, token] of acknowledged) {
    const download = await send(b, admin, "GET", `/agent-tokens/${id}/download`);
    expect(await download.text()).toBe(`${token}\n`);
  }
  expect(acknowledged.size).toBeGreaterThan(rounds * 4);
  expect(await call(b, admin, "GET", "/audit/verification")).toMatchObject({ intact: true });
});

test("live views on every node see what happens on any, and each alarm is raised once", async () => {
  const agent = await agentAt(b, "ws-live");
  const body = { kind: "agent", agentId: agent.agentId, reason: "a test" };
  const work = async () => {
    agent.journal("pipe_taken");
    await agent.checkIn({ applied: { rev: 1 } });
    await call(b, admin, "POST", "/agent-tokens", body);
  };
  expect(await streamedBy(a, work, ["journal", "agent", "alarm", "token"])).not.toContain("resync");
  const alarms = await listAll<{ agent: { id: string } }>(a, admin, "/alarms?kind=pipe_taken");
  expect(alarms.filter((alarm) => alarm.agent.id === agent.agentId)).toHaveLength(1);
});

test("one node at a time watches over silent agents", async () => {
  const [lease] = await queryPostgres(database.url, "select count(*) as n from lease where name = 'alarms'");
  expect(Number(lease?.["n"])).toBe(1);
});
