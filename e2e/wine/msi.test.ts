/**
 * The package: installed without a word, enrolled by what it was told, refused under protection, removed during a lift.
 * The chapters build on one another.
 */
import { copyFileSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Caller, call, listAll, logInAsAdmin } from "../../packages/cluster/test/http-client.ts";
import { type RunningCluster, startCluster } from "../../packages/cluster/test/running-cluster.ts";
import { chapter } from "../chapter.ts";
import { packageFile } from "../packages.ts";
import { eventually } from "../steps.ts";
import { type Finished, type WindowsMachine, windowsMachine } from "../windows-machine.ts";
import { type AgentService, installedAgent } from "./agent-service.ts";
import { msiexec as msiexecOn } from "./msiexec.ts";

const agentKey = "HKLM\\SOFTWARE\\Postern\\Agent";
const eventSource = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\PosternAgent";

let machine: WindowsMachine;
let cluster: RunningCluster;
let admin: Caller;
let agent: AgentService;
let tenantId: string;
let activationKey: string;
let agentId: string;
const logs: string[] = [];

beforeAll(async () => {
  const ours = packageFile("ours");
  [machine, cluster] = await Promise.all([windowsMachine(), startCluster()]);
  admin = await logInAsAdmin(cluster);
  tenantId = (await call<{ id: string }>(cluster, admin, "POST", "/tenants", { name: "acme" })).id;
  activationKey = (await call<{ key: string }>(cluster, admin, "POST", "/activation-keys", { tenantId })).key;
  copyFileSync(ours, join(machine.driveC, "PosternAgent.msi"));
  agent = installedAgent(machine);
});

afterAll(async () => {
  await Promise.all([machine?.close(), cluster?.remove()]);
});

chapter("refuses a folder that somebody else made, and leaves nothing", async () => {
  const data = join(machine.driveC, "ProgramData/Postern");
  mkdirSync(data);
  await machine.giveAway(data);
  const { code } = await msiexec("/i");
  expect(code).not.toBe(0);
  expect((await agent.sc("query")).code).not.toBe(0);
  expect(existsSync(join(machine.driveC, "Program Files/Postern/PosternAgent.exe"))).toBe(false);
  rmSync(data, { recursive: true });
});

chapter("installs silently, and the service runs and starts automatically", async () => {
  const { code } = await msiexec("/i", [`CLUSTER=${cluster.url}`, `ACTIVATIONKEY=${activationKey}`]);
  expect(code).toBe(0);
  await agent.running();
  const { stdout } = await machine.run("reg", ["query", "HKLM\\SYSTEM\\CurrentControlSet\\Services\\PosternAgent"]);
  expect(stdout).toMatch(/Start\s+REG_DWORD\s+0x2/);
  expect(stdout).toMatch(/ImagePath\s+REG_\w*SZ\s+"?C:\\Program Files\\Postern\\PosternAgent\.exe"? -service/);
});

chapter("the Event Log knows where its sentences are", async () => {
  const { stdout } = await machine.run("reg", ["query", eventSource]);
  expect(stdout).toMatch(/EventMessageFile\s+REG_EXPAND_SZ\s+%SystemRoot%\\System32\\EventCreate\.exe/);
  expect(stdout).toMatch(/TypesSupported\s+REG_DWORD\s+0x7/);
});

chapter("the service joins the cluster it was told, and the key is gone", async () => {
  agentId = await eventually("the agent has enrolled", 15_000, async () => {
    const [found] = await listAll<{ id: string }>(cluster, admin, `/agents?tenantId=${tenantId}`);
    return found?.id;
  });
  await eventually("what it was told is forgotten", 5_000, async () => {
    const { stdout } = await machine.run("reg", ["query", `${agentKey}\\Enrolment`]);
    return /REG_SZ/.test(stdout) ? undefined : true;
  });
  expect(await filesHolding(activationKey.split(".")[2] ?? "")).toEqual([]);
});

chapter("protected, neither uninstalling nor repairing changes anything, and the log says why", async () => {
  const [profile] = await listAll<{ id: string }>(cluster, admin, `/profiles?tenantId=${tenantId}`);
  await call(cluster, admin, "PATCH", `/profiles/${profile?.id}`, { serviceProtection: { on: true } });
  await eventually("protection is on", 10_000, async () => (await protection()) === "on" || undefined);
  const ways = { uninstalling: ["/x"], repairing: ["/i", "REINSTALL=ALL", "REINSTALLMODE=amus"] } as const;
  for (const [what, [verb, ...properties]] of Object.entries(ways)) {
    const { code, log } = await msiexec(verb, properties);
    expect([what, code]).not.toEqual([what, 0]);
    expect(log).toContain("service is protected, so it cannot be removed, repaired or replaced");
    expect(await agent.isRunning()).toBe(true);
    expect(existsSync(join(machine.driveC, "Program Files/Postern/koffi.node"))).toBe(true);
    expect(await protection()).toBe("on");
  }
});

chapter("an older version does not replace it", async () => {
  copyFileSync(packageFile("older"), join(machine.driveC, "older.msi"));
  const { code, log } = await msiexec("/i", [], "C:\\older.msi");
  expect(code).not.toBe(0);
  // Windows logs the launch condition's sentence too; Wine only that it did not hold.
  expect(log).toMatch(/WIX_DOWNGRADE_DETECTED = \{/);
  expect(log).toMatch(/LaunchConditions\. Return value [03]/);
  expect(await agent.isRunning()).toBe(true);
});

chapter("cut off and lifted by a token, it is uninstalled, and nothing of it is left", async () => {
  const path = "/agent-tokens";
  const { token } = await call<{ token: string }>(cluster, admin, "POST", path, {
    kind: "agent",
    agentId,
    reason: "the machine is retired",
  });
  await cluster.stop();
  expect((await agent.command(["-unprotect", token])).code).toBe(0);
  const { code } = await msiexec("/x");
  expect(code).toBe(0);
  expect((await agent.sc("query")).code).not.toBe(0);
  expect(existsSync(join(machine.driveC, "Program Files/Postern"))).toBe(false);
  expect(existsSync(join(machine.driveC, "ProgramData/Postern"))).toBe(false);
  expect((await machine.run("reg", ["query", agentKey])).code).not.toBe(0);
  expect((await machine.run("reg", ["query", eventSource])).code).not.toBe(0);
});

test("no log holds the activation key", () => {
  expect(logs.length).toBeGreaterThan(3);
  for (const log of logs) expect(log).not.toContain(activationKey);
});

async function msiexec(
  what: string,
  properties: readonly string[] = [],
  file = "C:\\PosternAgent.msi",
): Promise<Finished & { log: string }> {
  const finished = await msiexecOn(machine, `msi-${logs.length}.log`, [what, file, ...properties]);
  logs.push(finished.log);
  return finished;
}

async function protection(): Promise<string> {
  const { stdout } = await agent.command(["-status", "-json"]);
  return (JSON.parse(stdout) as { protection: { state: string } }).protection.state;
}

/** Files of the machine in which the text stands, as bytes or as UTF-16; on Windows, of those that this test may read. */
async function filesHolding(text: string): Promise<string[]> {
  const folders = ["ProgramData", "Program Files/Postern", "windows/Installer", "windows/temp"];
  const found: string[] = [];
  for (const folder of folders.map((name) => join(machine.driveC, name)).filter((path) => existsSync(path))) {
    for (const name of globSync("**/*", { cwd: folder })) {
      const file = join(folder, name);
      const bytes = contentOf(file);
      if (bytes?.includes(text) || bytes?.includes(Buffer.from(text, "utf16le"))) found.push(file);
    }
  }
  return found;
}

/** A small file's bytes; undefined of one that is large, is none, or may not be read. */
function contentOf(file: string): Buffer | undefined {
  try {
    const stats = statSync(file);
    return stats.isFile() && stats.size < 1_000_000 ? readFileSync(file) : undefined;
  } catch {
    return undefined;
  }
}
