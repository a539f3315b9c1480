import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { commandClients, commandIdleMs } from "../../packages/agent/src/limits.ts";
import { type Started, type WindowsMachine, windowsMachine } from "../windows-machine.ts";
import { type AgentService, installAgent } from "./agent-service.ts";
import { shippedFolder } from "./build-agent.ts";

const probe = join(import.meta.dirname, "pipe-probe.ts");
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
  expect(flood.stdout.trim()).toBe("closed");
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
