import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Caller, logIn } from "../src/demo/api.ts";
import { type ClusterProgram, startClusterProgram } from "../src/demo/cluster-program.ts";
import { EnrolmentRefused, type SimulatedAgent, startFleet, stopAll, workload } from "../src/index.ts";

const password = "four goats on a wet roof";
const folder = mkdtempSync(join(tmpdir(), "postern-fleet-"));
const agents: SimulatedAgent[] = [];
let cluster: ClusterProgram;
let admin: Caller;
let tenantId: string;
let profileId: string;

beforeAll(async () => {
  cluster = await startClusterProgram(folder, await freePort(), password);
  admin = await logIn(cluster.url, "admin", password);
  tenantId = (await admin.send("POST", "/tenants", { name: "Acme" })).id;
  const { items } = await admin.send("GET", `/profiles?tenantId=${tenantId}`);
  profileId = items[0].id;
  await setProtection({ on: true });
  const key = await activationKey(12);
  const workloads = Array.from({ length: 12 }, (_, index) => workload(index));
  agents.push(...(await startFleet({ cluster: cluster.url, key, workloads, tell: () => {} })));
});

afterAll(async () => {
  await stopAll(agents);
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function activationKey(maxUses: number): Promise<string> {
  return (await admin.send("POST", "/activation-keys", { tenantId, maxUses })).key;
}

function setProtection(serviceProtection: object): Promise<unknown> {
  return admin.send("PATCH", `/profiles/${profileId}`, { serviceProtection });
}

function windowsAgent(index: number): SimulatedAgent {
  const agent = agents.filter((each) => each.workload.platform === "windows")[index];
  if (agent === undefined) throw new Error("no such agent");
  return agent;
}

async function status(agent: SimulatedAgent) {
  return JSON.parse((await agent.command(["-status", "-json"])).out);
}

/** Looks at the agent itself until it is as wanted. */
async function until(agent: SimulatedAgent, state: string): Promise<void> {
  await expect.poll(async () => (await status(agent)).protection.state, { timeout: 10_000 }).toBe(state);
}

async function tokenFor(agent: SimulatedAgent): Promise<string> {
  const target = { kind: "agent", agentId: (await status(agent)).agentId };
  return (await admin.send("POST", "/agent-tokens", { ...target, reason: "the fleet's test" })).token;
}

test("the cluster sees the whole fleet as it would see machines: on where Windows runs, unsupported elsewhere", async () => {
  const listed = async () => {
    const { items } = await admin.send("GET", `/agents?tenantId=${tenantId}`);
    const rows = items as { hostName: string; platform: string; protection: string }[];
    return new Map(rows.map(({ hostName, platform, protection }) => [hostName, `${platform} ${protection}`]));
  };
  const expected = agents.map(({ workload: { hostName, platform } }): [string, string] => [
    hostName,
    platform === "windows" ? "windows on" : `${platform} unsupported`,
  ]);
  await expect.poll(listed, { timeout: 10_000 }).toEqual(new Map(expected));
  expect(new Set(agents.map((agent) => agent.workload.platform))).toEqual(
    new Set(["windows", "linux", "macos", "aix", "solaris"]),
  );
});

test("cut off, it hears nothing and obeys its token alone; back and restarted, it is protected again", async () => {
  const agent = windowsAgent(0);
  agent.cut();
  await setProtection({ on: true, liftSeconds: 600 });
  const liftOf = async (each: SimulatedAgent) => (await status(each)).config.serviceProtection.liftSeconds;
  await expect.poll(() => liftOf(windowsAgent(1)), { timeout: 10_000 }).toBe(600);
  expect(await liftOf(agent)).toBe(14_400);
  const token = await tokenFor(agent);

  expect(await agent.command(["-unprotect", await tokenFor(windowsAgent(1))])).toMatchObject({
    exitCode: 3,
    err: expect.stringMatching(/^wrong_agent: /),
  });
  expect(agent.isStoppable()).toBe(false);
  const lifted = await agent.command(["-unprotect", "-"], token);
  expect(lifted).toMatchObject({
    exitCode: 0,
    out: expect.stringContaining("Service protection is lifted: 10 minutes left."),
  });
  expect(agent.isStoppable()).toBe(true);

  // A restart without its cluster keeps the lift: the disk is the machine's, not the process's.
  await agent.stop();
  expect(await agent.command(["-status"])).toMatchObject({ exitCode: 4 });
  await agent.start();
  await until(agent, "lifted");
  await agent.stop();
  agent.mend();
  await agent.start();
  await until(agent, "on");
  expect(await liftOf(agent)).toBe(600);

  const kinds = async () => {
    const { items } = await admin.send("GET", `/agents/${(await status(agent)).agentId}/journal`);
    return (items as { kind: string }[]).map(({ kind }) => kind);
  };
  await expect.poll(kinds, { timeout: 10_000 }).toEqual(expect.arrayContaining(["redeemed", "rearmed", "refused"]));
});

test("a cut ends the check-in that is held, and a mended agent hears what it missed without a restart", async () => {
  const agent = windowsAgent(2);
  await until(agent, "on");
  agent.cut();
  await expect.poll(async () => (await status(agent)).link.trouble, { timeout: 10_000 }).toBe("ENETUNREACH");
  await setProtection({ on: false });
  await until(windowsAgent(1), "off");
  expect((await status(agent)).protection.state).toBe("on");
  agent.mend();
  await until(agent, "off");
  await setProtection({ on: true });
  await until(agent, "on");
});

test("a renamed machine reports its name; a layer that cannot be set says why", async () => {
  const agent = windowsAgent(3);
  await agent.stop();
  agent.rename("NEW-NAME-01");
  agent.breakLayer("processDacl", "Access is denied. (5)");
  await agent.start();
  const seen = async () =>
    (await admin.send("GET", `/agents/${(await status(agent)).agentId}`)) as Record<string, unknown>;
  await expect.poll(seen, { timeout: 10_000 }).toMatchObject({
    hostName: "NEW-NAME-01",
    protectionReport: { layers: { processDacl: "failed: Access is denied. (5)", serviceDacl: "on" } },
  });
});

test("a key that is used up enrols nobody, in the words of the agent's command line", async () => {
  const key = await activationKey(1);
  const workloads = [workload(900), workload(901)];
  const enrolling = startFleet({ cluster: cluster.url, key, workloads, tell: () => {} });
  await expect(enrolling).rejects.toBeInstanceOf(EnrolmentRefused);
  await expect(enrolling).rejects.toThrow(/activation_key_used_up|used/);
});

/** Runs the fleet's own program until it ends; it is interrupted when it has said this. */
async function program(argv: readonly string[], input: string, interruptAt?: RegExp) {
  const child = spawn(process.execPath, [join(import.meta.dirname, "../src/main.ts"), ...argv]);
  let seen = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      seen += chunk.toString();
      if (interruptAt?.test(seen)) child.kill("SIGINT");
    });
  }
  child.stdin.end(input);
  const exitCode = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { exitCode, seen };
}

test("the program says what happens on each machine, and ends in order", async () => {
  const argv = ["--cluster", cluster.url, "--key", "-", "--count", "3", "--from", "700"];
  const { exitCode, seen } = await program(argv, await activationKey(3), /have enrolled/);
  expect(exitCode).toBe(0);
  expect(seen).toMatch(/^3 agents have enrolled in /m);
  expect(seen).toMatch(/^[A-Z]+-[A-Z]+-0\d+: service protection is (on|off)$/m);
});

test.each([
  [[], 2, "Give --cluster URL and --key KEY."],
  [["--cluster", "http://127.0.0.1:9", "--key", "x", "--count", "0"], 2, "--count takes a whole number"],
  [["--cluster", "http://127.0.0.1:9", "--key", "x", "--count", "1"], 3, "key_malformed"],
])("the program refuses %j in plain words", async (argv, exitCode, words) => {
  expect(await program(argv, "")).toEqual({ exitCode, seen: expect.stringContaining(words) });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
