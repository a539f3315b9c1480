import { createHash, randomBytes } from "node:crypto";
import { createReadStream, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fakeAuthority } from "../authority.fixture.ts";
import type { ServicePorts } from "../enrolled-agent.ts";
import { type FakeCluster, fakeCluster } from "../fake-cluster.fixture.ts";
import type { Guard, PackageInstaller } from "../ports.ts";
import { testAgent } from "../test-agent.fixture.ts";

const authority = fakeAuthority();
const bytes = randomBytes(300_000);
const wanted = packageOf("1.3.0", bytes);
const closing: (() => Promise<unknown>)[] = [];
let cluster: FakeCluster;

beforeEach(async () => {
  cluster = await fakeCluster(authority, { profile: { on: true } });
  closing.push(() => cluster.close());
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function packageOf(version: string, content: Uint8Array) {
  const sha256 = createHash("sha256").update(content).digest("base64url");
  return { version, sha256, size: content.length, path: `/agent/v1/packages/${sha256}` };
}

function serving(content: Uint8Array) {
  return (_request: IncomingMessage, response: ServerResponse) => void response.writeHead(200).end(content);
}

/** An installer that does what the test says, and the agent that it would replace. */
async function updatingAgent(ports: Partial<ServicePorts> = {}, free?: number) {
  const installs: { path: string; log: string; content: Buffer; end: (exit: number) => void }[] = [];
  let held = 0;
  let isOpen: boolean | undefined;
  const installer: PackageInstaller = {
    freeBytes: () => free,
    readNamed: (path) =>
      existsSync(path) ? { size: statSync(path).size, bytes: () => createReadStream(path) } : undefined,
    hold(path) {
      held++;
      let isHeld = true;
      return {
        size: statSync(path).size,
        sha256: async () => createHash("sha256").update(readFileSync(path)).digest("base64url"),
        release() {
          if (isHeld) held--;
          isHeld = false;
        },
      };
    },
    install: (path, log) =>
      new Promise((resolve) => {
        expect(held).toBe(1);
        installs.push({ path, log, content: readFileSync(path), end: resolve });
      }),
  };
  const guard: Guard = {
    supported: true,
    arm(_, open = false) {
      isOpen = open;
      return { fake: "on" };
    },
    disarm: () => ({ fake: "off" }),
    restore: () => ({ layers: { fake: "on" }, drifts: [] }),
    watch: () => ({ close() {} }),
  };
  const agent = await testAgent({ updateSpreadMs: 0, ...ports }, guard, installer);
  closing.push(agent.end);
  expect(await agent.ask({ command: "enroll", cluster: cluster.url, key: authority.activationKey })).toMatchObject({
    ok: true,
  });
  await agent.until(({ protection }) => protection.state === "on");
  return {
    ...agent,
    installs,
    held: () => held,
    isOpen: () => isOpen,
    copy: join(agent.folder, "updates", "PosternAgent.msi"),
    async installing() {
      await agent.until(() => installs.length > 0);
      return installs[0] as (typeof installs)[0];
    },
  };
}

function journaled(kind: string): Record<string, unknown>[] {
  return [...cluster.journal.values()].filter((entry) => entry.kind === kind).map(({ data }) => data);
}

describe("a version that the config wants", { timeout: 30_000 }, () => {
  test("is fetched, checked, held, granted and installed from the checked copy; the guard opens for that copy only", async () => {
    const agent = await updatingAgent();
    cluster.files.set(wanted.path, serving(bytes));
    cluster.setUpkeep({ desiredVersion: wanted.version, packages: [wanted] });
    const { path, content, log } = await agent.installing();
    expect(path).toBe(agent.copy);
    expect(content.equals(bytes)).toBe(true);
    expect(log).toBe(join(agent.folder, "logs", "update-1.3.0.log"));
    await cluster.until(() => journaled("update_started").length > 0);
    expect(await agent.status()).toMatchObject({ update: { version: "1.3.0", state: "installing" } });

    for (const named of [undefined, "C:\\other.msi"]) {
      const ask = { command: "installer_asks", ...(named ? { package: named } : {}) } as const;
      expect(await agent.ask(ask)).toMatchObject({ ok: false });
    }
    expect(agent.isOpen()).toBe(false);
    expect(await agent.ask({ command: "installer_asks", package: path })).toMatchObject({ ok: true });
    expect(agent.isOpen()).toBe(true);

    await agent.replaceBy("1.3.0");
    expect(agent.isOpen()).toBe(true);
    expect(agent.held()).toBe(2);
    await agent.ask({ command: "installer_done" });
    expect(agent.isOpen()).toBe(false);
    await cluster.until(() => journaled("updated").length > 0);
    expect(journaled("updated")).toEqual([{ version: "1.3.0", from: "1.2.3" }]);
    expect((await agent.status()).update).toBeUndefined();
  });

  test("with other bytes than those that were signed is not installed, is removed and journaled", async () => {
    const agent = await updatingAgent();
    cluster.files.set(wanted.path, serving(randomBytes(bytes.length)));
    cluster.setUpkeep({ desiredVersion: wanted.version, packages: [wanted] });
    await cluster.until(() => journaled("update_failed").length > 0);
    expect(journaled("update_failed")).toEqual([{ version: "1.3.0", code: "wrong_digest", sha256: wanted.sha256 }]);
    expect(agent.installs).toEqual([]);
    expect(existsSync(agent.copy)).toBe(false);
    expect(agent.held()).toBe(0);
    expect((await agent.status()).update).toEqual({ version: "1.3.0", state: "failed", code: "wrong_digest" });
  });

  test("longer than it should be is cut off at the first byte too many", async () => {
    const agent = await updatingAgent();
    cluster.files.set(wanted.path, (_, response) => {
      response.writeHead(200).end(Buffer.concat([bytes, Buffer.from("x")]));
    });
    cluster.setUpkeep({ desiredVersion: wanted.version, packages: [wanted] });
    await agent.until(({ update }) => update?.code === "too_long" || update?.state === "installing");
    expect(statSync(agent.copy).size).toBeLessThanOrEqual(bytes.length);
  });

  test("that breaks off is gone on with where it stopped", async () => {
    const agent = await updatingAgent();
    const ranges: (string | undefined)[] = [];
    cluster.files.set(wanted.path, ({ headers }, response) => {
      ranges.push(headers.range);
      const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
      if (from === 0) return void response.writeHead(200).write(bytes.subarray(0, 100_000), () => response.destroy());
      response.writeHead(206, { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` });
      response.end(bytes.subarray(from));
    });
    cluster.setUpkeep({ desiredVersion: wanted.version, packages: [wanted] });
    const { content } = await agent.installing();
    expect(content.equals(bytes)).toBe(true);
    expect(ranges).toEqual([undefined, "bytes=100000-"]);
  });

  test("waits for room on the disk", async () => {
    const agent = await updatingAgent({}, 60_000_000);
    cluster.files.set(wanted.path, serving(bytes));
    cluster.setUpkeep({ desiredVersion: wanted.version, packages: [wanted] });
    await agent.until(({ update }) => update?.code === "no_room");
    expect(existsSync(agent.copy)).toBe(false);
  });

  test("that the cluster has no room to send is asked for again when it says so", async () => {
    const agent = await updatingAgent();
    let asked = 0;
    cluster.files.set(wanted.path, (request, response) => {
      if (asked++ === 0) response.writeHead(503, { "retry-after": "1" }).end();
      else serving(bytes)(request, response);
    });
    cluster.setUpkeep({ desiredVersion: wanted.version, packages: [wanted] });
    await agent.until(({ update }) => update?.code === "http_503");
    await agent.installing();
    expect(asked).toBe(2);
  });

  test.each([
    { version: "1.2.2", state: "lower" },
    { version: "1.4.0", state: "not_offered" },
  ])("of $version is $state: nothing is fetched", async ({ version, state }) => {
    const agent = await updatingAgent();
    let asked = 0;
    const older = packageOf("1.2.2", bytes);
    cluster.files.set(older.path, () => void asked++);
    cluster.setUpkeep({ desiredVersion: version, packages: [older] });
    await agent.until(({ update }) => update?.state === state);
    expect(asked).toBe(0);
    expect(agent.installs).toEqual([]);
  });

  test("is none of an agent's business that has no installer", async () => {
    const agent = await testAgent();
    closing.push(agent.end);
    await agent.ask({ command: "enroll", cluster: cluster.url, key: authority.activationKey });
    cluster.setUpkeep({ desiredVersion: wanted.version, packages: [wanted] });
    await agent.until(({ update }) => update?.state === "unsupported");
  });

  test("whose installation fails leaves the guard closed, and waits for an hour", async () => {
    const agent = await updatingAgent();
    cluster.files.set(wanted.path, serving(bytes));
    cluster.setUpkeep({ desiredVersion: wanted.version, packages: [wanted] });
    const { path, end } = await agent.installing();
    await agent.ask({ command: "installer_asks", package: path });
    end(1603);
    await cluster.until(() => journaled("update_failed").length > 0);
    expect(journaled("update_failed")).toMatchObject([{ code: "installer_1603" }]);
    expect(agent.isOpen()).toBe(false);
    expect(agent.held()).toBe(0);
    expect((await agent.status()).update).toMatchObject({ state: "failed", code: "installer_1603" });
  });

  test("is not installed when the grant cannot be written down", async () => {
    let isBroken = false;
    const { nodeFileSystem } = await import("../store/file-system.ts");
    const fs = {
      ...nodeFileSystem,
      write(path: string, offset: number, content: Uint8Array) {
        if (isBroken && path.includes("state")) throw Object.assign(new Error("i/o error"), { code: "EIO" });
        nodeFileSystem.write(path, offset, content);
      },
    };
    const agent = await updatingAgent({ fs });
    cluster.files.set(wanted.path, (request, response) => {
      isBroken = true;
      serving(bytes)(request, response);
    });
    cluster.setUpkeep({ desiredVersion: wanted.version, packages: [wanted] });
    await agent.until(({ update }) => update?.code === "internal_error");
    expect(agent.installs).toEqual([]);
  });
});

describe("a package that an administrator brings", { timeout: 30_000 }, () => {
  async function offered(content: Uint8Array, listed = [wanted]) {
    const agent = await updatingAgent();
    cluster.setUpkeep({ packages: listed });
    await agent.until(({ config }) => (config?.rev ?? 0) > 1);
    const path = join(agent.folder, "brought.msi");
    writeFileSync(path, content);
    return { agent, path, ask: () => agent.ask({ command: "installer_asks", package: path }) };
  }

  test("and that is listed is copied, checked and installed by the service itself from its copy", async () => {
    const { agent, path, ask } = await offered(bytes);
    expect(await ask()).toMatchObject({ ok: false, code: "installing_itself" });
    writeFileSync(path, "something else now");
    const { path: from, content } = await agent.installing();
    expect(from).toBe(agent.copy);
    expect(content.equals(bytes)).toBe(true);
    expect(agent.isOpen()).toBe(false);
    expect(await ask()).toMatchObject({ code: "update_under_way" });
  });

  test.each([
    { what: "of another size", content: randomBytes(10), listed: [wanted], code: "package_not_listed" },
    { what: "with one bit changed", content: flipped(bytes), listed: [wanted], code: "package_not_listed" },
    { what: "that is older", content: bytes, listed: [packageOf("1.2.2", bytes)], code: "package_not_newer" },
    { what: "of the same version", content: bytes, listed: [packageOf("1.2.3", bytes)], code: "package_not_newer" },
  ])("$what is refused and journaled", async ({ content, listed, code }) => {
    const { agent, ask } = await offered(content, listed);
    expect(await ask()).toMatchObject({ ok: false, code });
    expect(agent.installs).toEqual([]);
    expect(agent.isOpen()).toBe(false);
    expect(agent.held()).toBe(0);
    await cluster.until(() => journaled("update_refused").length > 0);
    expect(journaled("update_refused")[0]).toMatchObject({ code });
  });

  test("at no plain path is refused", async () => {
    const { agent } = await offered(bytes);
    const ask = { command: "installer_asks", package: join(agent.folder, "nothing.msi") } as const;
    expect(await agent.ask(ask)).toMatchObject({ code: "package_unreadable" });
  });

  test("goes before one that is being fetched", async () => {
    const { agent, ask } = await offered(bytes);
    cluster.files.set(wanted.path, (_, response) => void response.writeHead(200).write("slow"));
    cluster.setUpkeep({ desiredVersion: wanted.version, packages: [wanted] });
    await agent.until(({ update }) => update?.state === "fetching");
    expect(await ask()).toMatchObject({ code: "installing_itself" });
  });

  test("during a lift is none of the service's business", async () => {
    const { agent, ask } = await offered(randomBytes(10));
    const token = await authority.token(Math.floor(Date.now() / 1000));
    await agent.ask({ command: "unprotect", token });
    expect(await ask()).toMatchObject({ ok: true, result: { installer: "go_on" } });
    expect(agent.installs).toEqual([]);
  });
});

function flipped(content: Buffer): Buffer {
  const changed = Buffer.from(content);
  changed.writeUInt8(changed.readUInt8(1000) ^ 1, 1000);
  return changed;
}
