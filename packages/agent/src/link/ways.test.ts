import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fakeAuthority } from "../authority.fixture.ts";
import { type FakeCluster, fakeCluster } from "../fake-cluster.fixture.ts";
import { testAgent } from "../test-agent.fixture.ts";
import { createWays } from "./ways.ts";

describe("which address is next", () => {
  const [a, b, c] = ["https://a.example", "https://b.example", "https://c.example"];
  let told: readonly string[];
  let nowMs: number;
  let written: string[];

  beforeEach(() => {
    told = [];
    nowMs = 1_000;
    written = [];
  });

  const waysFrom = (reached?: string) =>
    createWays({
      enrolled: a,
      told: () => told,
      reached: { read: () => reached, write: (url) => void written.push(url) },
      exchangeAt: () => () => Promise.reject(new Error("nothing is sent here")),
      nowMs: () => nowMs,
      returnMs: 900_000,
    });

  test("the one of the enrolment, as long as nothing else is said", () => {
    const ways = waysFrom();
    expect(ways.current()).toMatchObject({ url: a, isProven: true });
    expect(ways.failed()).toBe(false);
    expect(ways.current().url).toBe(a);
  });

  test("the first one told, and it is kept once it has brought an answer", () => {
    const ways = waysFrom();
    told = [b, c];
    expect(ways.current()).toMatchObject({ url: b, isProven: false });
    ways.answered();
    expect(written).toEqual([b]);
    expect(ways.current()).toMatchObject({ url: b, isProven: true });
  });

  test("each in turn when none answers, with those of before at the end, and then from the beginning", () => {
    const ways = waysFrom(c);
    told = [b];
    const tried = [1, 2, 3, 4].map(() => {
      const { url } = ways.current();
      return [url, ways.failed()];
    });
    expect(tried).toEqual([
      [b, true],
      [c, true],
      [a, false],
      [b, false],
    ]);
    expect(written).toEqual([]);
  });

  test("the first one again after a while at another", () => {
    const ways = waysFrom();
    told = [b];
    ways.current();
    ways.failed();
    expect(ways.current().url).toBe(a);
    ways.answered();
    nowMs += 899_000;
    expect(ways.current().url).toBe(a);
    nowMs += 1_000;
    expect(ways.current().url).toBe(b);
  });

  test("none that an agent must not go to", () => {
    const ways = waysFrom();
    told = ["http://b.example", "https://user@b.example", "nonsense"];
    expect(ways.current().url).toBe(a);
  });
});

describe("an agent that is told other addresses", { timeout: 30_000 }, () => {
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

  async function enrolled() {
    const agent = await testAgent({ addressReturnMs: 300 });
    closing.push(agent.end);
    const command = { command: "enroll", cluster: cluster.url, key: authority.activationKey } as const;
    expect(await agent.ask(command)).toMatchObject({ ok: true });
    await cluster.until(() => cluster.checkIns.length > 0);
    return agent;
  }

  /** The same cluster at another address. */
  async function secondAddress() {
    let connections = 0;
    const { port } = new URL(cluster.url);
    const server = createTcpServer((socket) => {
      connections += 1;
      const onward = connect(Number(port), "127.0.0.1");
      socket.pipe(onward).pipe(socket);
      for (const end of [socket, onward]) end.on("error", () => [socket, onward].forEach((one) => void one.destroy()));
    });
    const url = await listening(server as unknown as Server);
    return { url, connections: () => connections };
  }

  async function listening(server: Server): Promise<string> {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing.push(() => new Promise((resolve) => server.close(resolve)));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test("goes to the new one, stays there after a restart, and needs the old one no more", async () => {
    const agent = await enrolled();
    const second = await secondAddress();
    cluster.setUpkeep({ urls: [second.url] });
    await agent.until(({ clusterUrl }) => clusterUrl === second.url);
    await expect.poll(second.connections).toBeGreaterThan(0);
    await expect.poll(() => existsSync(join(agent.folder, "address"))).toBe(true);
    await agent.restart();
    expect((await agent.status()).clusterUrl).toBe(second.url);
    cluster.setUpkeep({});
    // No address is told any more: it keeps the one that brought the last answer.
    await agent.until(({ config }) => config?.rev === 3);
    await agent.until(({ clusterUrl }) => clusterUrl === second.url);
    await agent.stop();
  });

  test("stays where it is when nobody answers at the new one, and hears of changes as before", async () => {
    const agent = await enrolled();
    cluster.setUpkeep({ urls: ["http://127.0.0.1:9"] });
    await agent.until(({ config }) => config?.rev === 2);
    cluster.setProfile({ on: true });
    await agent.until(({ protection }) => protection.state === "on");
    await agent.restart();
    cluster.setProfile({ singleUse: true });
    await agent.until(({ config }) => config?.serviceProtection.singleUse === true);
    await agent.stop();
  });

  test("takes no false cluster for its own, however it answers", async () => {
    const agent = await enrolled();
    let asked = 0;
    const impostor = createServer(async (request, response) => {
      asked += 1;
      request.resume();
      const answer = await fakeAuthority().answer({ nonce: "A".repeat(22), iat: Math.floor(Date.now() / 1000) });
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ answer }));
    });
    cluster.setUpkeep({ urls: [await listening(impostor)] });
    await expect.poll(() => asked, { timeout: 10_000 }).toBeGreaterThan(0);
    cluster.setProfile({ on: true });
    await agent.until(({ protection }) => protection.state === "on");
    expect(existsSync(join(agent.folder, "address"))).toBe(false);
    await agent.stop();
  });
});
