import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fakeAuthority } from "./authority.fixture.ts";
import { clock } from "./clock.ts";
import { type FakeCluster, fakeCluster } from "./fake-cluster.fixture.ts";
import { type FileSystem, nodeFileSystem } from "./store/file-system.ts";
import { testAgent } from "./test-agent.fixture.ts";

const authority = fakeAuthority();
let cluster: FakeCluster;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  cluster = await fakeCluster(authority, { profile: { on: true } });
  closing.push(() => cluster.close());
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type TestAgent = Awaited<ReturnType<typeof testAgent>>;

async function protectedAgent(ports: Parameters<typeof testAgent>[0] = {}): Promise<TestAgent> {
  const agent = await testAgent(ports);
  closing.push(agent.end);
  await agent.ask({ command: "enroll", cluster: cluster.url, key: authority.activationKey });
  await agent.until(({ protection, journalWaiting }) => protection.state === "on" && journalWaiting === 0);
  return agent;
}

const now = () => Math.floor(Date.now() / 1000);

/** The real disk until `broken` is set: then every write fails. */
function breakableDisk(): { fs: FileSystem; broken: boolean } {
  const disk = {
    broken: false,
    fs: {
      ...nodeFileSystem,
      write(path: string, offset: number, bytes: Uint8Array) {
        if (disk.broken) throw Object.assign(new Error("i/o error"), { code: "EIO" });
        nodeFileSystem.write(path, offset, bytes);
      },
    },
  };
  return disk;
}

describe("whatever is lost", { timeout: 30_000 }, () => {
  test.each([
    ["missing", (path: string) => rmSync(path)],
    ["cut", (path: string) => truncateSync(path, 200)],
    [
      "of another agent",
      (path: string) => writeFileSync(path, readFileSync(path).toString().replace("agentId", "agentie")),
    ],
  ])("a state that is %s means on, and a used token stays used", async (_, damage) => {
    const agent = await protectedAgent();
    await cluster.close();
    const token = await authority.token(now());
    await agent.ask({ command: "unprotect", token });
    expect(agent.guard()).toBe("disarmed");
    await agent.stop();
    damage(join(agent.folder, "state"));
    await agent.start();
    expect((await agent.status()).protection.state).toBe("on");
    expect(agent.guard()).toBe("armed");
    expect(await agent.ask({ command: "unprotect", token })).toMatchObject({ code: "already_used" });
    expect(await agent.ask({ command: "unprotect", token: await authority.token(now()) })).toMatchObject({ ok: true });
  });

  test("a journal that is damaged: another begins, and the cluster hears of it", async () => {
    const agent = await protectedAgent();
    await agent.stop();
    writeFileSync(join(agent.folder, "journal"), "rubbish\nmore\n");
    await agent.start();
    await cluster.until(() => cluster.journal.get(1)?.data["journalLost"] === true);
  });
});

describe("a disk that takes nothing", { timeout: 30_000 }, () => {
  test("gives no lift: it could be given again after a power cut", async () => {
    const disk = breakableDisk();
    const agent = await protectedAgent({ fs: disk.fs });
    disk.broken = true;
    const token = await authority.token(now());
    expect(await agent.ask({ command: "unprotect", token })).toMatchObject({ code: "not_saved" });
    expect((await agent.status()).protection.state).toBe("on");
    expect(agent.guard()).toBe("armed");
    disk.broken = false;
    expect(await agent.ask({ command: "unprotect", token })).toMatchObject({ ok: true });
  });

  test("does not keep protection from coming back", async () => {
    const disk = breakableDisk();
    const agent = await protectedAgent({ fs: disk.fs });
    await agent.ask({ command: "unprotect", token: await authority.token(now()) });
    disk.broken = true;
    expect(await agent.ask({ command: "protect" })).toMatchObject({ result: { protected: "on" } });
    expect(agent.guard()).toBe("armed");
  });
});

test("a lift ends when its budget does, on the real clock", { timeout: 30_000 }, async () => {
  const agent = await protectedAgent();
  await agent.ask({ command: "unprotect", token: await authority.token(now(), { lift: 1 }) });
  expect(agent.guard()).toBe("disarmed");
  await agent.until(({ protection }) => protection.state === "on");
  expect(agent.guard()).toBe("armed");
});

test("a guard that fails is reported, and the token still works", { timeout: 30_000 }, async () => {
  const guard = {
    supported: true,
    arm: () => ({ fake: "on" as const }),
    disarm() {
      throw new Error("access denied");
    },
    restore: () => ({ layers: { fake: "on" as const }, drifts: [] }),
    watch: () => ({ close() {} }),
  };
  const failing = await testAgent({}, guard);
  closing.push(failing.end);
  await failing.ask({ command: "enroll", cluster: cluster.url, key: authority.activationKey });
  expect(await failing.ask({ command: "unprotect", token: await authority.token(now()) })).toMatchObject({ ok: true });
  expect((await failing.status()).protection).toMatchObject({
    state: "lifted",
    layers: { guard: "failed: access denied" },
  });
});

describe("what protects it is changed", { timeout: 30_000 }, () => {
  const drift = { layer: "fake", found: "descriptor", setBack: true };

  test("and looked after at once when the system tells of it, and the cluster hears which layer it was", async () => {
    const agent = await protectedAgent();
    const looks = agent.looks();
    agent.change(drift, true);
    await expect
      .poll(() => [...cluster.journal.values()].filter(({ kind }) => kind === "drift"), { timeout: 5_000 })
      .toEqual([expect.objectContaining({ data: drift })]);
    expect(agent.looks()).toBe(looks + 1);
  });

  test("or from time to time when it does not", async () => {
    const agent = await protectedAgent({ guardLookMs: 50 });
    agent.change(drift, false);
    await expect
      .poll(() => [...cluster.journal.values()].map(({ kind }) => kind), { timeout: 5_000 })
      .toContain("drift");
  });

  test("during a lift it is nobody's business", async () => {
    const agent = await protectedAgent({ guardLookMs: 20 });
    await agent.ask({ command: "unprotect", token: await authority.token(now()) });
    const looks = agent.looks();
    agent.change(drift, true);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(agent.looks()).toBe(looks);
  });
});

test("looking moves nothing", { timeout: 30_000 }, async () => {
  let shiftMs = 0;
  const moved = { systemNow: () => clock.systemNow(), interruptMs: () => clock.interruptMs() + shiftMs };
  const agent = await protectedAgent({ clock: moved });
  const state = readFileSync(join(agent.folder, "state"));
  const journal = readFileSync(join(agent.folder, "journal"));
  shiftMs = 120_000;
  const token = await authority.token(now() + 60);
  await agent.ask({ command: "status" });
  expect(await agent.ask({ command: "explain", token })).toMatchObject({ ok: true });
  expect(readFileSync(join(agent.folder, "state")).equals(state)).toBe(true);
  expect(readFileSync(join(agent.folder, "journal")).equals(journal)).toBe(true);
  expect(await agent.ask({ command: "unprotect", token })).toMatchObject({ result: { unprotected: "redeemed" } });
});

describe("a cluster that does not know this agent any more", { timeout: 30_000 }, () => {
  const unauthenticated = { status: 401, body: JSON.stringify({ code: "agent_unauthenticated" }) };

  test("is told by its own signature who this is, with facts and without entries, until it answers", async () => {
    const agent = await protectedAgent();
    cluster.instead.push(unauthenticated, unauthenticated);
    const before = cluster.checkIns.length;
    await agent.ask({ command: "explain", token: "no token" });
    cluster.setProfile({ liftSeconds: 77 }); // what was held is answered, and the next ones are refused
    await cluster.until(() => cluster.checkIns.filter(({ identity }) => identity !== undefined).length >= 2);
    const [refused, ...reminders] = cluster.checkIns.slice(before).filter((one) => one.applied.rev > 1);
    expect(refused?.identity).toBeUndefined();
    const [reminder] = reminders;
    expect(reminder?.facts).toBeDefined();
    expect(reminder?.journal.entries).toEqual([]);
    const claims = JSON.parse(Buffer.from(reminder?.identity?.split(".")[1] ?? "", "base64url").toString());
    expect(claims.sub).toBe(reminder?.sub);
    await cluster.until(() => cluster.checkIns.at(-1)?.identity === undefined);
    expect((await agent.status()).protection.state).toBe("on");
  });
});

describe("enrolling anew", { timeout: 30_000 }, () => {
  test("at its own cluster it proves who it was, by the old key and for the new one; at another it says nothing", async () => {
    const agent = await testAgent();
    closing.push(agent.end);
    cluster.setProfile({ on: false });
    const enrol = (at: FakeCluster, key: string) => agent.ask({ command: "enroll", cluster: at.url, key });
    expect((await enrol(cluster, authority.activationKey)).ok).toBe(true);
    expect((await enrol(cluster, authority.activationKey)).ok).toBe(true);
    const [first, second] = cluster.enrolments;
    expect(first?.previous).toBeUndefined();
    const proof = JSON.parse(Buffer.from(second?.previous?.split(".")[1] ?? "", "base64url").toString());
    expect(proof).toMatchObject({
      requestId: second?.requestId,
      nonce: second?.nonce,
      jkt: second?.identityThumbprint,
    });
    const header = JSON.parse(Buffer.from(second?.previous?.split(".")[0] ?? "", "base64url").toString());
    expect(header.kid).toBe(first?.identityThumbprint);

    const stranger = fakeAuthority();
    const elsewhere = await fakeCluster(stranger, { profile: { on: false } });
    closing.push(() => elsewhere.close());
    await enrol(elsewhere, stranger.activationKey);
    expect(elsewhere.enrolments[0]?.previous).toBeUndefined();
  });

  test("is refused while protection is on, and sends nothing", async () => {
    const agent = await protectedAgent();
    const answer = await agent.ask({ command: "enroll", cluster: cluster.url, key: authority.activationKey });
    expect(answer).toMatchObject({ ok: false, code: "already_enrolled" });
    expect(cluster.enrolments).toHaveLength(1);
  });
});
