/**
 * What only a real Windows can judge: descriptors that the service manager and the file system keep, recovery, and an
 * installer that runs as SYSTEM. The chapters build on one another.
 */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { fakeAuthority } from "../../packages/agent/src/authority.fixture.ts";
import { type FakeCluster, fakeCluster } from "../../packages/agent/src/fake-cluster.fixture.ts";
import { chapter } from "../chapter.ts";
import type { Judgement } from "../judge.ts";
import { packageFile } from "../packages.ts";
import { eventually } from "../steps.ts";
import { type Finished, type WindowsMachine, windowsMachine } from "../windows-machine.ts";
import { type AgentService, installedAgent } from "../wine/agent-service.ts";
import { msiexec as msiexecOn } from "../wine/msiexec.ts";

const onWindows = (because: string): Judgement => ({ judgedBy: "windows", because });
const keepsNoDescriptor = onWindows("Wine keeps no descriptor of a service");
const program = "C:\\Program Files\\Postern";
const accessDenied = 5;

const authority = fakeAuthority();
let machine: WindowsMachine;
let agent: AgentService;
let cluster: FakeCluster;
let logs = 0;

beforeAll(async () => {
  [machine, cluster] = await Promise.all([windowsMachine(), fakeCluster(authority, { profile: { on: true } })]);
  agent = installedAgent(machine);
  const properties = [`CLUSTER=${cluster.url}`, `ACTIVATIONKEY=${authority.activationKey}`];
  const { code, log } = await msiexec(["/i", packageFile("ours"), ...properties]);
  if (code !== 0) throw new Error(`msiexec /i ended with ${code}:\n${log.slice(-4_000)}`);
  await agent.running();
  await eventually("protection is on", 30_000, async () => (await protection()).state === "on" || undefined);
});
afterAll(async () => {
  await Promise.all([machine?.close(), cluster?.close()]);
});

chapter(
  "every layer is on, the service's descriptor, recovery and the folders among them",
  async () => {
    const { layers } = await protection();
    expect(Object.entries(layers).filter(([, state]) => state !== "on")).toEqual([]);
  },
  onWindows("Wine has no recovery, and keeps no descriptors of services and files"),
);

chapter(
  "an administrator can neither stop, pause, reconfigure nor delete the service, nor give it another descriptor",
  async () => {
    for (const [verb, ...rest] of [
      ["stop"],
      ["pause"],
      ["config", "start=", "disabled"],
      ["failure", "reset=", "0", "actions=", ""],
      ["sdset", "D:(A;;GA;;;BA)"],
      ["delete"],
    ] as const) {
      const { code } = await agent.sc(verb, ...rest);
      expect([verb, code]).toEqual([verb, accessDenied]);
    }
    expect((await machine.run("net", ["stop", "PosternAgent"])).code).not.toBe(0);
    expect(await agent.isRunning()).toBe(true);
  },
  keepsNoDescriptor,
);

chapter(
  "an administrator can neither replace nor delete the program, and sees nothing of its data",
  async () => {
    const executable = join(program, "PosternAgent.exe");
    expect(() => writeFileSync(executable, "replaced")).toThrow(/EPERM|EBUSY|EACCES/);
    expect(() => writeFileSync(join(program, "version.dll"), "planted")).toThrow(/EPERM|EACCES/);
    await machine.run("cmd", ["/c", "del", "/f", executable]);
    expect(existsSync(executable)).toBe(true);
    expect(() => readdirSync("C:\\ProgramData\\Postern")).toThrow(/EPERM|EACCES/);
  },
  onWindows("Wine's file system keeps no descriptors"),
);

chapter(
  "the start type cannot be edited, not even by who owns the machine's registry",
  async () => {
    const key = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\PosternAgent";
    const edited = await machine.run("reg", ["add", key, "/v", "Start", "/t", "REG_DWORD", "/d", "4", "/f"]);
    expect(edited.code).not.toBe(0);
    expect((await machine.run("reg", ["delete", key, "/f"])).code).not.toBe(0);
  },
  onWindows("the same is tried under Wine in its story; here with Windows' own inheritance"),
);

chapter(
  "with the installer's guard skipped, the package is not removed",
  async () => {
    const script = join(import.meta.dirname, "without-guard.ps1");
    const edited = await machine.run("powershell", ["-NoProfile", "-ExecutionPolicy", "Bypass", "-File", script]);
    expect(edited).toMatchObject({ code: 0 });
    const { code, log } = await msiexec(["/x", packageFile("ours")]);
    expect(log).not.toMatch(/Action start [^\n]*(AskTheService|RefuseUnderProtection)/);
    expect(code).not.toBe(0);
    expect(await agent.isRunning()).toBe(true);
    expect((await protection()).state).toBe("on");
    expect(existsSync(join(program, "koffi.node"))).toBe(true);
  },
  keepsNoDescriptor,
);

chapter(
  "a foreign package that stops and deletes our service does neither",
  async () => {
    const { code, log } = await msiexec(["/i", packageFile("foreign")]);
    expect([1603, 1921, 1923]).toContain(code);
    expect(log).toMatch(/\b(1921|1923)\b/);
    expect(await agent.isRunning()).toBe(true);
    expect((await protection()).state).toBe("on");
  },
  keepsNoDescriptor,
);

chapter(
  "nobody adds an instance to the pipe",
  async () => {
    const squatter = await machine.runScript(join(import.meta.dirname, "../wine/pipe-probe.ts"), ["squat"]);
    expect(squatter.code).not.toBe(0);
    expect(squatter.stderr).toContain("ChannelTaken");
    expect((await agent.command(["-status"])).code).toBe(0);
  },
  onWindows("Wine does not enforce who may be first, nor who may add instances"),
);

chapter(
  "killed with SeDebugPrivilege, it runs again within seconds, protected, and the cluster hears of it",
  async () => {
    const starts = countOf("service_started");
    // Every administrator holds the privilege, and may switch it on.
    const kill = "[Diagnostics.Process]::EnterDebugMode(); Get-Process PosternAgent | ForEach-Object { $_.Kill() }";
    await machine.run("powershell", ["-NoProfile", "-Command", kill]);
    await eventually("it is gone or started anew", 10_000, () => countOf("service_started") > starts || undefined);
    await agent.running();
    expect((await protection()).state).toBe("on");
    expect((await agent.sc("stop")).code).not.toBe(0);
  },
  onWindows("Wine's service manager knows no recovery"),
);

chapter(
  "what happened stands in the Event Log, under its source and in words",
  async () => {
    const query = "/q:*[System[Provider[@Name='PosternAgent'] and (EventID=100 or EventID=200)]]";
    const { stdout } = await machine.run("wevtutil", ["qe", "Application", query, "/f:text"]);
    expect(stdout).toContain("Service protection is on");
    expect(stdout).toContain("The agent's service has started");
  },
  onWindows("Wine's Event Log keeps nothing"),
);

chapter(
  "lifted by a token it can be stopped and stays stopped, and is removed with all that it brought",
  async () => {
    const token = await authority.token(Math.floor(Date.now() / 1000));
    expect((await agent.command(["-unprotect", token])).code).toBe(0);
    expect((await agent.sc("stop")).code).toBe(0);
    await agent.stopped();
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(await agent.isRunning()).toBe(false);
    const { code, log } = await msiexec(["/x", packageFile("ours")]);
    expect([code, log.slice(-2_000)]).toEqual([0, expect.anything()]);
    expect((await agent.sc("query")).code).not.toBe(0);
    expect(existsSync(program)).toBe(false);
  },
  onWindows("Wine's service manager knows no recovery that could start it again"),
);

function msiexec(args: readonly string[]): Promise<Finished & { log: string }> {
  return msiexecOn(machine, `msi-${++logs}.log`, args);
}

function countOf(kind: string): number {
  return [...cluster.journal.values()].filter((entry) => entry.kind === kind).length;
}

async function protection(): Promise<{ state: string; layers: Record<string, string> }> {
  const { stdout } = await agent.command(["-status", "-json"]);
  return (JSON.parse(stdout) as { protection: { state: string; layers: Record<string, string> } }).protection;
}
