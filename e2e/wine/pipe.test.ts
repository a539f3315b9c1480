import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { fakeAuthority } from "../../packages/agent/src/authority.fixture.ts";
import { fakeCluster } from "../../packages/agent/src/fake-cluster.fixture.ts";
import { commandClients, commandIdleMs } from "../../packages/agent/src/limits.ts";
import { eventually } from "../steps.ts";
import { type Started, type WindowsMachine, windowsMachine } from "../windows-machine.ts";
import { type AgentService, installAgent } from "./agent-service.ts";
import { shippedFolder } from "./build-agent.ts";

const probe = join(import.meta.dirname, "pipe-probe.ts");
const inspector = join(import.meta.dirname, "inspector.ts");
const noAnswer = 4;

let machine: WindowsMachine;
let agent: AgentService;
let foreign: Started | undefined;

beforeAll(async () => {
  machine = await windowsMachine();
  agent = await installAgent(machine, shippedFolder);
  await agent.start();
});
afterEach(() => foreign?.end());
afterAll(() => machine.close());

test("no other process opens the inspector of an unprotected service", async () => {
  const opened = await machine.runScript(inspector, ["open"]);
  expect(opened.stdout.trim()).toMatch(/^Error: .*(not found|cannot find)/i);
});

// Without this the test above would also pass if Node had stopped offering it, or a mistake were the error.
test("but that of an ordinary Node", async () => {
  foreign = machine.startScript(inspector, ["victim"]);
  const { outputFile } = foreign;
  const processId = await eventually("it says its id", 20_000, () => {
    return /^victim (\d+)/m.exec(readFileSync(outputFile, "utf8"))?.[1];
  });
  expect((await machine.runScript(inspector, ["open", processId])).stdout.trim()).toBe("opened");
});

test("clients that say nothing do not keep others from being answered", async () => {
  foreign = machine.startScript(probe, ["stall", String(commandClients - 1)]);
  await foreign.prints("stalled");
  const started = performance.now();
  expect((await agent.command(["-status"])).code).toBe(0);
  expect(performance.now() - started).toBeLessThan(commandIdleMs / 2);
});

test("and are let go when they hold every place", async () => {
  foreign = machine.startScript(probe, ["stall", String(commandClients)]);
  await foreign.prints("stalled");
  expect((await agent.command(["-status"])).code).toBe(0);
});

test("a megabyte without an end is cut off, and the service goes on", async () => {
  const flood = await machine.runScript(probe, ["flood", String(1024 * 1024)]);
  const [ended, afterMs] = flood.stdout.trim().split(" ");
  expect(ended).toBe("closed");
  // By its length, and not only by the time that it took.
  expect(Number(afterMs)).toBeLessThan(commandIdleMs / 2);
  expect((await agent.command(["-status"])).code).toBe(0);
});

test("a program that took the pipe's name gets no token", async () => {
  await agent.sc("stop");
  await agent.stopped();
  const squatter = machine.startScript(probe, ["squat"]);
  foreign = squatter;
  await squatter.prints("taken");
  const refused = await agent.command(["-unprotect", "a.token.of-somebody"]);
  expect(refused.code).toBe(noAnswer);
  expect(refused.stderr).toContain("service_unreachable");
  expect(readFileSync(squatter.outputFile, "utf8").trim()).toBe("taken");
});

test("nor does it keep the cluster from hearing of it, or the pipe longer than it lives", async () => {
  const authority = fakeAuthority();
  const cluster = await fakeCluster(authority, { profile: { on: false } });
  try {
    await agent.start();
    const enrolled = await agent.command(["-enroll", "-cluster", cluster.url, "-key", authority.activationKey]);
    expect(enrolled).toMatchObject({ code: 0 });
    await agent.sc("stop");
    await agent.stopped();
    const squatter = machine.startScript(probe, ["squat"]);
    foreign = squatter;
    await squatter.prints("taken");
    await agent.start();
    const told = () => [...cluster.journal.values()].filter(({ kind }) => kind === "pipe_taken");
    await expect.poll(told, { timeout: 20_000 }).toHaveLength(1);
    expect((await agent.command(["-status"])).code).toBe(noAnswer);
    squatter.end();
    await eventually("the pipe is the service's", 30_000, async () => {
      return (await agent.command(["-status"])).code === 0 || undefined;
    });
    expect(told()).toHaveLength(1);
  } finally {
    await cluster.close();
  }
});
