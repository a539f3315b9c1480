import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fakeAuthority } from "../authority.fixture.ts";
import { type FakeCluster, fakeCluster } from "../fake-cluster.fixture.ts";
import { testAgent } from "../test-agent.fixture.ts";
import { loopbackCertificate } from "./loopback-certificate.fixture.ts";

const authority = fakeAuthority();
let cluster: FakeCluster;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  cluster = await fakeCluster(authority);
  closing.push(() => cluster.close());
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function enrolled(): Promise<Awaited<ReturnType<typeof testAgent>>> {
  const agent = await testAgent();
  closing.push(agent.end);
  expect(await agent.ask({ command: "enroll", cluster: cluster.url, key: authority.activationKey })).toMatchObject({
    ok: true,
  });
  await cluster.until(() => cluster.checkIns.length > 0);
  return agent;
}

describe("enrolling", { timeout: 30_000 }, () => {
  test("sends protocol and facts, and is remembered over a restart", async () => {
    const agent = await enrolled();
    expect(cluster.headers[0]).toMatchObject({ "postern-protocol": "1", "content-type": "application/json" });
    expect(cluster.checkIns[0]).toMatchObject({ sub: authority.agentId, n: 1, facts: { platform: "windows" } });
    await cluster.until(() => cluster.journal.has(1));
    expect(cluster.journal.get(1)?.kind).toBe("enrolled");
    await agent.restart();
    await cluster.until(() => [...cluster.journal.values()].some(({ kind }) => kind === "service_started"));
    const [first, last] = [cluster.checkIns[0], cluster.checkIns.at(-1)];
    expect(last?.boot).toBeGreaterThan(first?.boot ?? 0);
    expect(await agent.ask({ command: "status" })).toMatchObject({
      result: { status: { enrolled: true, agentId: authority.agentId } },
    });
  });

  test("through a false server, whose root the key does not name, is refused", async () => {
    const impostor = await fakeCluster(fakeAuthority());
    closing.push(() => impostor.close());
    const agent = await testAgent();
    closing.push(agent.end);
    const answer = await agent.ask({ command: "enroll", cluster: impostor.url, key: authority.activationKey });
    expect(answer).toMatchObject({ ok: false, code: "answer_unknown_key" });
    expect(await agent.ask({ command: "status" })).toMatchObject({ result: { status: { enrolled: false } } });
  });

  test("with a replayed answer is refused", async () => {
    const old = await authority.enrolAnswer(
      { nonce: "A".repeat(22), identityThumbprint: authority.rootThumbprint },
      1,
      await authority.config(1, 1),
    );
    cluster.instead.push({ status: 201, body: JSON.stringify({ answer: old }) });
    const agent = await testAgent();
    closing.push(agent.end);
    const answer = await agent.ask({ command: "enroll", cluster: cluster.url, key: authority.activationKey });
    expect(answer).toMatchObject({ ok: false, code: "answer_wrong_nonce" });
  });

  test("anew while protected is refused before anything is sent", async () => {
    const agent = await enrolled();
    cluster.setProfile({ on: true });
    await agent.until(({ protection }) => protection.state === "on");
    const attacker = fakeAuthority();
    const theirs = await fakeCluster(attacker);
    closing.push(() => theirs.close());
    const answer = await agent.ask({ command: "enroll", cluster: theirs.url, key: attacker.activationKey });
    expect(answer).toMatchObject({ ok: false, code: "already_enrolled" });
    expect(theirs.headers).toEqual([]);
  });

  test("is refused too when protection comes on while the answer is under way", async () => {
    const agent = await enrolled();
    const attacker = fakeAuthority();
    const theirs = await fakeCluster(attacker, {
      async whileEnrolling() {
        cluster.setProfile({ on: true });
        await agent.until(({ protection }) => protection.state === "on");
      },
    });
    closing.push(() => theirs.close());
    const answer = await agent.ask({ command: "enroll", cluster: theirs.url, key: attacker.activationKey });
    expect(theirs.enrolments).toHaveLength(1);
    expect(answer).toMatchObject({ ok: false, code: "already_enrolled" });
    expect((await agent.status()).agentId).toBe(authority.agentId);
  });

  test("anew while lifted keeps what was used here: the token gives no second lift", async () => {
    const agent = await enrolled();
    cluster.setProfile({ on: true });
    await agent.until(({ protection }) => protection.state === "on");
    const token = await authority.token(Math.floor(Date.now() / 1000), { aud: "cluster", lift: 600 });
    await agent.ask({ command: "unprotect", token });
    const answer = await agent.ask({ command: "enroll", cluster: cluster.url, key: authority.activationKey });
    expect(answer).toMatchObject({ ok: true });
    expect((await agent.status()).protection.state).toBe("on");
    expect(await agent.ask({ command: "unprotect", token })).toMatchObject({ result: { unprotected: "resumed" } });
    await agent.ask({ command: "protect" });
    expect(await agent.ask({ command: "unprotect", token })).toMatchObject({ code: "already_used" });
  });

  test("tried again after a lost answer is the same request", async () => {
    const agent = await testAgent();
    closing.push(agent.end);
    cluster.instead.push({ status: 502 });
    const command = { command: "enroll", cluster: cluster.url, key: authority.activationKey } as const;
    expect(await agent.ask(command)).toMatchObject({ ok: false, code: "http_502" });
    await agent.restart();
    expect(await agent.ask(command)).toMatchObject({ ok: true });
    expect(cluster.enrolments[1]).toEqual(cluster.enrolments[0]);
  });

  test.each([
    { problem: { status: 403, body: '{"code":"activation_key_used_up"}' }, code: "activation_key_used_up" },
    { problem: { status: 200, body: "<html>" }, code: "http_200" },
  ])("tells what the cluster says: $code", async ({ problem, code }) => {
    cluster.instead.push(problem);
    const agent = await testAgent();
    closing.push(agent.end);
    const answer = await agent.ask({ command: "enroll", cluster: cluster.url, key: authority.activationKey });
    expect(answer).toMatchObject({ ok: false, code });
  });
});

describe("enrolling with what cannot work", () => {
  const broken = "-----BEGIN CERTIFICATE-----\nxxx\n-----END CERTIFICATE-----\n";
  const half = loopbackCertificate.cert.slice(0, 200);
  test.each([
    { given: { proxy: "proxy.example:3128" }, code: "proxy_malformed" },
    { given: { proxy: "http://a b" }, code: "proxy_malformed" },
    { given: { proxy: "socks://proxy.example" }, code: "proxy_malformed" },
    { given: { ca: "no certificate" }, code: "ca_malformed" },
    { given: { ca: broken }, code: "ca_malformed" },
    { given: { ca: loopbackCertificate.cert + broken }, code: "ca_malformed" },
    { given: { ca: loopbackCertificate.cert + half }, code: "ca_malformed" },
  ])("is refused before anything is sent: $code", async ({ given, code }) => {
    const agent = await testAgent();
    closing.push(agent.end);
    const command = { command: "enroll", cluster: cluster.url, key: authority.activationKey, ...given } as const;
    expect(await agent.ask(command)).toMatchObject({ ok: false, code });
    expect(cluster.headers).toEqual([]);
  });
});

describe("checking in", { timeout: 30_000 }, () => {
  test("a switched profile reaches a held check-in at once", async () => {
    const agent = await enrolled();
    await cluster.until(() => cluster.checkIns.length > 1);
    const before = performance.now();
    cluster.setProfile({ on: true });
    await cluster.until(() => cluster.checkIns.at(-1)?.protection.state === "on");
    expect(performance.now() - before).toBeLessThan(2000);
    expect(agent.guard()).toBe("armed");
    expect(cluster.checkIns.at(-1)?.protection.layers).toEqual({ fake: "on" });
  });

  test("a local change gives the held request up for a new one", async () => {
    const agent = await enrolled();
    cluster.setProfile({ on: true });
    await agent.until(({ protection }) => protection.state === "on");
    await cluster.until(() => cluster.checkIns.at(-1)?.applied.rev === 2 && cluster.checkIns.length > 2);
    const token = await authority.token(Math.floor(Date.now() / 1000));
    expect(await agent.ask({ command: "unprotect", token })).toMatchObject({ ok: true });
    await cluster.until(() => [...cluster.journal.values()].some(({ kind }) => kind === "redeemed"));
    expect(cluster.checkIns.at(-1)).toMatchObject({ protection: { state: "lifted", jti: expect.any(String) } });
    expect(agent.guard()).toBe("disarmed");
    const order = cluster.checkIns.map(({ n }) => n);
    expect(order).toEqual([...new Set(order)].sort((a, b) => a - b));
  });

  test("delivers refusals, and forgets only what was acknowledged", async () => {
    const agent = await enrolled();
    cluster.setProfile({ on: true });
    await agent.until(({ protection }) => protection.state === "on");
    await agent.ask({ command: "unprotect", token: "nonsense" });
    await cluster.until(() =>
      [...cluster.journal.values()].some(({ kind, data }) => kind === "refused" && data["reason"] === "malformed"),
    );
    await agent.until(({ journalWaiting }) => journalWaiting === 0);
  });

  test("a config that is refused is reported and changes nothing", async () => {
    const agent = await enrolled();
    cluster.setProfile({ on: true });
    await agent.until(({ protection }) => protection.state === "on");
    const forged = await fakeAuthority().config(9, 1, { on: false });
    cluster.instead.push(async (nonce) => ({
      status: 200,
      body: JSON.stringify({
        answer: await authority.answer({ nonce, iat: Math.floor(Date.now() / 1000), rev: 9, config: forged }),
      }),
    }));
    await agent.ask({ command: "unprotect", token: "to be heard" });
    await cluster.until(() => cluster.checkIns.at(-1)?.applied.refused?.code === "unknown_key");
    expect(cluster.checkIns.at(-1)).toMatchObject({
      applied: { rev: 2, refused: { rev: 9 } },
      protection: { state: "on" },
    });
    expect(agent.guard()).toBe("armed");
  });

  test.each([
    {
      what: "an answer replayed",
      answer: () => authority.answer({ nonce: "A".repeat(22), iat: 1, rev: 0 }),
      trouble: "answer_wrong_nonce",
    },
    {
      what: "another cluster's answer",
      answer: (nonce: string) => fakeAuthority().answer({ nonce, iat: 1 }),
      trouble: "answer_unknown_key",
    },
  ])("$what does not count as the cluster reached", async ({ answer, trouble }) => {
    const agent = await enrolled();
    cluster.setProfile({ on: true });
    await agent.until(({ protection }) => protection.state === "on");
    const token = await authority.token(Math.floor(Date.now() / 1000));
    await agent.ask({ command: "unprotect", token });
    await agent.until(({ journalWaiting }) => journalWaiting === 0);
    await agent.stop();
    const replayed = async (nonce: string) => ({
      status: 200,
      body: JSON.stringify({ answer: await answer(nonce) }),
      headers: {},
    });
    cluster.instead.push(...Array.from({ length: 50 }, () => replayed));
    await agent.start();
    const status = await agent.until(({ link }) => link?.trouble === trouble);
    expect(status.protection.state).toBe("lifted");
    cluster.instead.length = 0;
    await agent.until(({ protection }) => protection.state === "on");
  });

  test.each([
    { status: 409, body: '{"code":"superseded"}', trouble: "superseded" },
    { status: 403, body: '{"code":"agent_decommissioned"}', trouble: "agent_decommissioned" },
    { status: 426, body: '{"code":"protocol_unsupported"}', trouble: "protocol_unsupported" },
    { status: 500, body: "oops", trouble: "http_500" },
  ])("$trouble changes no protection, and the agent comes again", async ({ status, body, trouble }) => {
    const agent = await enrolled();
    cluster.setProfile({ on: true });
    await agent.until(({ protection }) => protection.state === "on");
    await agent.stop();
    cluster.instead.push({ status, body });
    await agent.start();
    const before = cluster.checkIns.length;
    await cluster.until(() => cluster.checkIns.length > before);
    expect(
      (await agent.until(({ link }) => link?.reachedSecondsAgo !== undefined || link?.trouble === trouble)).protection
        .state,
    ).toBe("on");
    await agent.until(({ link }) => link?.reachedSecondsAgo !== undefined);
  });

  test("a mistake of ours in a turn ends that turn only", async () => {
    const failing = { now: false };
    const logged: string[] = [];
    const agent = await testAgent({
      random: () => 0.02,
      randomBytes(count) {
        if (failing.now) throw new RangeError("no more of them");
        return randomBytes(count);
      },
      log: (line) => logged.push(line),
    });
    closing.push(agent.end);
    await agent.ask({ command: "enroll", cluster: cluster.url, key: authority.activationKey });
    await agent.stop();
    failing.now = true;
    await agent.start();
    await agent.until(({ link }) => link?.trouble === "internal_error");
    expect(logged.filter((line) => line.includes("RangeError: no more of them"))).toHaveLength(1);
    failing.now = false;
    await agent.until(({ link }) => link?.reachedSecondsAgo !== undefined);
  });

  test("Retry-After is kept, by local changes too", async () => {
    const agent = await enrolled();
    await agent.stop();
    cluster.instead.push({ status: 503, headers: { "retry-after": "1" } });
    const count = cluster.checkIns.length;
    await agent.start();
    await cluster.until(() => cluster.checkIns.length > count);
    const refusedAt = performance.now();
    await agent.ask({ command: "unprotect", token: "x" });
    await cluster.until(() => cluster.checkIns.length > count + 1);
    expect(performance.now() - refusedAt).toBeGreaterThan(900);
  });
});
