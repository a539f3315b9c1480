/**
 * The story that Postern is for, on a real Windows service and a real cluster: protected, cut off, refused, token, lifted,
 * stopped, started again, reconnected, protected. The chapters build on one another; each prints a line when it has passed.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { enrol } from "../../packages/cluster/src/check-in/fake-agent.fixture.ts";
import { type Caller, call, listAll, logInAsAdmin } from "../../packages/cluster/test/http-client.ts";
import { type RunningCluster, startCluster } from "../../packages/cluster/test/running-cluster.ts";
import { chapter } from "../chapter.ts";
import { type Judgement, judge } from "../judge.ts";
import { type MachineClock, machineClock } from "../machine-clock.ts";
import { eventually } from "../steps.ts";
import { type WindowsMachine, windowsMachine } from "../windows-machine.ts";
import { type AgentService, installAgent } from "./agent-service.ts";
import { shippedFolder } from "./build-agent.ts";

const minute = 60;
const accessDenied = 5;
const refused = 3;
const attacks = join(import.meta.dirname, "attacks.ts");
const serviceKey = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\PosternAgent";

/** Wine's machine has one that a test can set. */
let clock: MachineClock | undefined;
let machine: WindowsMachine;
let agent: AgentService;
let cluster: RunningCluster;
let admin: Caller;
let acme: string;
let beta: string;
let agentId: string;
let token: { id: string; token: string };
const wrongTokens: Record<string, string> = {};

beforeAll(async () => {
  clock = judge === "wine" ? machineClock() : undefined;
  // A token that is long over when the story begins has to be made long before it.
  clock?.set(-20 * minute);
  [machine, cluster] = await Promise.all([windowsMachine(clock?.env), startCluster({ env: clock?.env ?? {} })]);
  admin = await logInAsAdmin(cluster);
  acme = await newTenant("acme");
  beta = await newTenant("beta");
  if (clock) {
    wrongTokens["expired"] = (await generate({ kind: "tenant", tenantId: acme })).token;
    await cluster.stop();
    clock.set(0);
    await cluster.start();
    admin = await logInAsAdmin(cluster);
  }
  agent = await installAgent(machine, shippedFolder);
  await agent.start();
});

afterAll(async () => {
  await Promise.all([machine?.close(), cluster?.remove()]);
  clock?.close();
});

chapter("the machine enrols with an activation key from standard input", async () => {
  const stdinFile = await activationKeyFile(acme);
  const enrolled = await agent.command(["-enroll", "-cluster", cluster.url, "-key", "-"], { stdinFile });
  expect(enrolled).toMatchObject({ code: 0 });
  agentId = /agent ([0-9a-f-]{36})/.exec(enrolled.stdout)?.[1] ?? "";
  await eventually("it has reported", 10_000, async () => (await reportedProtection()) === "off" || undefined);
});

chapter("an unprotected service can be stopped as any other", async () => {
  await stopAndStart();
});

chapter("the profile switches protection on, and within 2 s it is applied", async () => {
  const [profile] = await listAll<{ id: string }>(cluster, admin, `/profiles?tenantId=${acme}`);
  await eventually(
    "the agent waits for its cluster",
    10_000,
    async () => (await status()).link.trouble === undefined || undefined,
  );
  await call(cluster, admin, "PATCH", `/profiles/${profile?.id}`, { serviceProtection: { on: true } });
  await eventually("protection is on", 2_000, async () => (await reportedProtection()) === "on" || undefined);
  const { protection } = await status();
  expect(protection).toMatchObject({ state: "on" });
  // What Wine does not have: see the guard's own tests.
  const { recovery: _, serviceDacl: __, files: ___, ...layers } = protection.layers;
  expect(new Set(Object.values(layers))).toEqual(new Set(["on"]));
});

chapter("sc stop is refused, and net stop says why", async () => {
  await expectProtected();
  const { code, stdout } = await machine.run("net", ["stop", "PosternAgent"]);
  expect(code).not.toBe(0);
  if (judge === "wine") expect(stdout).toContain("Invalid service control");
});

chapter("the process cannot be terminated, suspended or written into", async () => {
  const answers = await attack();
  for (const way of ["terminate", "suspend", "createThread", "writeMemory"])
    expect([way, answers[way]]).toEqual([way, accessDenied]);
  // On Windows it enables SeDebugPrivilege: see the tests of a real machine.
  if (judge === "wine") expect((await machine.run("taskkill", ["/f", "/im", "PosternAgent.exe"])).code).not.toBe(0);
  await expectProtected();
});

chapter("the start type cannot be edited in the registry", async () => {
  const edited = await machine.run("reg", ["add", serviceKey, "/v", "Start", "/t", "REG_DWORD", "/d", "4", "/f"]);
  expect(edited.code).not.toBe(0);
  expect((await agent.sc("config", "start=", "disabled")).code).not.toBe(0);
  expect((await machine.run("reg", ["query", serviceKey, "/v", "Start"])).stdout).toMatch(/REG_DWORD\s+0x2\r?\n/);
  expect(await attack()).toMatchObject({ setValue: accessDenied, createSubKey: accessDenied });
});

chapter("an authorised person generates a token, and the cluster is cut off", async () => {
  token = await generate({ kind: "tenant", tenantId: acme });
  wrongTokens["wrong_tenant"] = (await generate({ kind: "tenant", tenantId: beta })).token;
  wrongTokens["wrong_agent"] = (await generate({ kind: "agent", agentId: await enrolAnother() })).token;
  wrongTokens["bad_signature"] = altered(token.token);
  await cluster.stop();
});

const needsAClock: Judgement = { judgedBy: "wine", because: "it sets the machine's clock and restarts it" };
for (const reason of ["wrong_tenant", "wrong_agent", "expired", "bad_signature"])
  chapter(
    `offline: a token is refused with ${reason}`,
    async () => {
      await expectRefused(wrongTokens[reason] ?? "", reason);
    },
    reason === "expired" ? needsAClock : undefined,
  );

chapter(
  "offline: with the clock set back 10 minutes before a start, the token is refused with clock_not_trusted",
  async () => {
    await machine.reboot(() => clock?.set(-10 * minute));
    await eventually("the service runs", 20_000, async () => (await agent.isRunning()) || undefined);
    await expectRefused(token.token, "clock_not_trusted");
    await machine.reboot(() => clock?.set(0));
    await eventually("the service runs", 20_000, async () => (await agent.isRunning()) || undefined);
    await expectProtected();
  },
  needsAClock,
);

chapter("offline: the token lifts protection", async () => {
  writeFileSync(join(machine.driveC, "token.txt"), `${token.token}\n`);
  const lifted = await agent.command(["-unprotect", "-file", "C:\\token.txt"]);
  expect(lifted).toMatchObject({ code: 0, stderr: "" });
  expect(lifted.stdout).toContain("Service protection is lifted");
  expect((await status()).protection).toMatchObject({ state: "lifted", jti: token.id });
});

chapter("offline: sc stop works, the key can be edited, and a service started again is still lifted", async () => {
  expect(await attack()).toMatchObject({ terminate: 0, setValue: 0 });
  await stopAndStart();
  expect((await status()).protection).toMatchObject({ state: "lifted", jti: token.id });
});

chapter("the service restarts, reaches its cluster, and is protected again", async () => {
  await agent.sc("stop");
  await agent.stopped();
  await cluster.start();
  admin = await logInAsAdmin(cluster);
  await agent.start();
  await eventually("protection is on again", 10_000, async () => (await reportedProtection()) === "on" || undefined);
  await expectProtected();
  expect(await attack()).toMatchObject({ terminate: accessDenied, setValue: accessDenied });
});

chapter("the cluster shows the redemption, matched with its token", async () => {
  const [redeemed] = await eventually("the redemption is delivered", 10_000, async () => {
    const entries = await journal("redeemed");
    return entries.length > 0 ? entries : undefined;
  });
  expect(redeemed).toMatchObject({ redemption: "issued", data: { jti: token.id } });
  const path = `/agent-tokens/${token.id}`;
  const { redemptions } = await call<{ redemptions: { agent: { id: string } }[] }>(cluster, admin, "GET", path);
  expect(redemptions.map((redemption) => redemption.agent.id)).toEqual([agentId]);
});

chapter("the cluster has every refusal, with its reason", async () => {
  const reasons = (await journal("refused")).map(({ data }) => data["reason"]);
  const ofTheClock = clock ? ["clock_not_trusted", "expired"] : [];
  expect(reasons.sort()).toEqual(["bad_signature", ...ofTheClock, "wrong_agent", "wrong_tenant"].sort());
});

async function newTenant(name: string): Promise<string> {
  return (await call<{ id: string }>(cluster, admin, "POST", "/tenants", { name })).id;
}

function generate(target: Record<string, string>): Promise<{ id: string; token: string }> {
  return call(cluster, admin, "POST", "/agent-tokens", { ...target, reason: "the network is down" });
}

async function activationKey(tenantId: string): Promise<string> {
  return (await call<{ key: string }>(cluster, admin, "POST", "/activation-keys", { tenantId })).key;
}

async function activationKeyFile(tenantId: string): Promise<string> {
  const file = join(machine.driveC, "activation-key.txt");
  writeFileSync(file, `${await activationKey(tenantId)}\n`, { mode: 0o600 });
  return file;
}

/** Another Windows machine of the same tenant, for a token that is not ours. */
async function enrolAnother(): Promise<string> {
  const other = await enrol(cluster.url, await activationKey(acme), {
    hostName: "another",
    platform: "windows",
    machineId: "another",
  });
  return other.agentId;
}

/** The same token with one character of its signature changed; still well-formed. */
function altered(original: string): string {
  const at = original.lastIndexOf(".") + 10;
  return `${original.slice(0, at)}${original[at] === "A" ? "B" : "A"}${original.slice(at + 1)}`;
}

async function reportedProtection(): Promise<string | null> {
  return (await call<{ protection: string | null }>(cluster, admin, "GET", `/agents/${agentId}`)).protection;
}

function journal(kind: string): Promise<{ data: Record<string, unknown>; redemption: string | null }[]> {
  return listAll(cluster, admin, `/agents/${agentId}/journal?kind=${kind}`);
}

interface Status {
  readonly protection: { readonly state: string; readonly layers: Record<string, string> };
  readonly link: { readonly trouble?: string };
}

async function status(): Promise<Status> {
  return JSON.parse((await agent.command(["-status", "-json"])).stdout) as Status;
}

async function attack(): Promise<Record<string, number>> {
  return JSON.parse((await machine.runScript(attacks, [])).stdout) as Record<string, number>;
}

/** What an administrator sees of a protected service: it refuses to stop, goes on, and says so. */
async function expectProtected(): Promise<void> {
  expect((await agent.sc("stop")).code).not.toBe(0);
  expect(await agent.isRunning()).toBe(true);
  expect((await status()).protection.state).toBe("on");
}

async function stopAndStart(): Promise<void> {
  expect((await agent.sc("stop")).code).toBe(0);
  await agent.stopped();
  await agent.start();
}

async function expectRefused(wrong: string, reason: string): Promise<void> {
  const answer = await agent.command(["-unprotect", wrong]);
  expect(answer).toMatchObject({ code: refused, stdout: "" });
  expect(answer.stderr).toMatch(new RegExp(`^${reason}: \\S+`));
  await expectProtected();
}
