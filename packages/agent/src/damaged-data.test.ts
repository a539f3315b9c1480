/** Enrolled, and what it wrote down cannot be used: protection stays on, is looked after, and comes back to work. */
import { randomBytes } from "node:crypto";
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fakeAuthority } from "./authority.fixture.ts";
import { memoryLog } from "./event-log/memory-log.fixture.ts";
import { type FakeCluster, fakeCluster } from "./fake-cluster.fixture.ts";
import { type FileSystem, nodeFileSystem } from "./store/file-system.ts";
import { stateFile } from "./store/state-file.ts";
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

async function protectedAgent(ports: Parameters<typeof testAgent>[0] = {}) {
  const agent = await testAgent(ports);
  closing.push(agent.end);
  await agent.ask({ command: "enroll", cluster: cluster.url, key: authority.activationKey });
  await agent.until(({ protection, journalWaiting }) => protection.state === "on" && journalWaiting === 0);
  return agent;
}

const now = () => Math.floor(Date.now() / 1000);

describe("a trust anchor that is damaged", { timeout: 30_000 }, () => {
  test("keeps protection on and enrols nobody", async () => {
    const agent = await protectedAgent();
    await agent.stop();
    truncateSync(join(agent.folder, "trust-anchor"), 300);
    await agent.start();
    expect(agent.guard()).toBe("armed");
    expect((await agent.status()).problem).toBe("anchor_unreadable");
    const enroll = { command: "enroll", cluster: cluster.url, key: authority.activationKey } as const;
    expect(await agent.ask(enroll)).toMatchObject({ code: "already_enrolled" });
    expect(await agent.ask({ command: "unprotect", token: await authority.token(now()) })).toMatchObject({
      code: "anchor_unreadable",
    });
  });

  test("does not keep the guard from being looked after, and the machine's own log is told", async () => {
    const log = memoryLog();
    const agent = await protectedAgent({ guardLookMs: 50, events: log.reporter });
    await agent.stop();
    truncateSync(join(agent.folder, "trust-anchor"), 300);
    await agent.start();
    agent.change({ layer: "fake", found: "descriptor", setBack: true }, false);
    await expect.poll(log.ids, { timeout: 5_000 }).toContain(400);
    expect(log.ids().slice(-2)).toEqual([122, 400]);
    const looks = agent.looks();
    await expect.poll(agent.looks, { timeout: 5_000 }).toBeGreaterThan(looks);
  });

  test("is read again: one that vanishes means nothing, and what the disk gives back is gone on with", async () => {
    const log = memoryLog();
    const agent = await protectedAgent({ events: log.reporter });
    await agent.stop();
    const path = join(agent.folder, "trust-anchor");
    const whole = readFileSync(path);
    writeFileSync(path, randomBytes(300));
    await agent.start();
    expect((await agent.status()).problem).toBe("anchor_unreadable");
    rmSync(path);
    await new Promise((resolve) => setTimeout(resolve, 3_200));
    expect((await agent.status()).problem).toBe("anchor_unreadable");
    expect(agent.guard()).toBe("armed");
    writeFileSync(path, whole);
    await agent.until(({ problem }) => problem === undefined);
    expect(await agent.ask({ command: "unprotect", token: await authority.token(now()) })).toMatchObject({ ok: true });
    expect(log.ids().filter((id) => id === 122 || id === 124)).toEqual([122, 124]);
  });
});

describe("data that cannot be used at all", { timeout: 30_000 }, () => {
  /** As a disk that is gone for a while: nothing can be read but what the folder's names say. */
  function withoutJournal(): { fs: FileSystem; gone: boolean } {
    const disk = {
      gone: false,
      fs: {
        ...nodeFileSystem,
        read(path: string) {
          if (disk.gone && path.endsWith("journal")) throw Object.assign(new Error("i/o error"), { code: "EIO" });
          return nodeFileSystem.read(path);
        },
      },
    };
    return disk;
  }

  test("keeps protection on and enrols nobody, says so, and is tried again", async () => {
    const disk = withoutJournal();
    const agent = await protectedAgent({ fs: disk.fs, guardLookMs: 50 });
    await agent.stop();
    disk.gone = true;
    await agent.start();
    expect(agent.guard()).toBe("armed");
    const looks = agent.looks();
    await expect.poll(agent.looks, { timeout: 5_000 }).toBeGreaterThan(looks);
    expect(await agent.status()).toMatchObject({ problem: "data_unusable", protection: { state: "on" } });
    const token = await authority.token(now());
    expect(await agent.ask({ command: "unprotect", token })).toMatchObject({ code: "data_unusable" });
    const enroll = { command: "enroll", cluster: cluster.url, key: authority.activationKey } as const;
    expect(await agent.ask(enroll)).toMatchObject({ code: "already_enrolled" });
    disk.gone = false;
    await agent.until(({ problem }) => problem === undefined);
    expect(await agent.ask({ command: "unprotect", token })).toMatchObject({ ok: true });
  });

  test("a trust anchor that vanishes meanwhile does not make it a machine that never enrolled", async () => {
    const disk = withoutJournal();
    const agent = await protectedAgent({ fs: disk.fs });
    await agent.stop();
    disk.gone = true;
    await agent.start();
    rmSync(join(agent.folder, "trust-anchor"));
    disk.gone = false;
    await agent.until(({ problem }) => problem === undefined);
    expect(agent.guard()).toBe("armed");
    expect((await agent.status()).protection.state).toBe("on");
  });

  test("a state whose trust bundle does not open counts as lost", async () => {
    const agent = await protectedAgent();
    await agent.stop();
    const states = stateFile(nodeFileSystem, agent.folder);
    const state = states.read(authority.agentId);
    if (!state) throw new Error("no state");
    states.write(authority.agentId, { ...state, bundle: "of a later version" });
    await agent.start();
    expect((await agent.status()).protection.state).toBe("on");
    await cluster.until(() => [...cluster.journal.values()].some(({ data }) => data["stateLost"] === true));
  });

  test("a data folder that cannot be made does not keep the service from answering", async () => {
    const logged: string[] = [];
    const fs: FileSystem = {
      ...nodeFileSystem,
      makeFolder() {
        throw Object.assign(new Error("read-only file system"), { code: "EROFS" });
      },
    };
    const agent = await testAgent({ fs, log: (line) => logged.push(line) });
    closing.push(agent.end);
    expect((await agent.status()).enrolled).toBe(false);
    expect(logged).toEqual(["the data folder cannot be made: read-only file system"]);
  });
});
