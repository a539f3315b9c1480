/** The guard against changes made as SYSTEM: what is undone, and what the cluster hears of it. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fakeAuthority } from "../../packages/agent/src/authority.fixture.ts";
import { type FakeCluster, fakeCluster } from "../../packages/agent/src/fake-cluster.fixture.ts";
import { chapter } from "../chapter.ts";
import { type Judgement, judge } from "../judge.ts";
import { eventually } from "../steps.ts";
import { type WindowsMachine, windowsMachine } from "../windows-machine.ts";
import { type AgentService, installAgent } from "./agent-service.ts";
import { shippedFolder } from "./build-agent.ts";
import { otherServicesChapters } from "./other-services.ts";

const minuteMs = 60_000;
const serviceKey = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\PosternAgent";
const eventSource = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\PosternAgent";
const windowsNt = "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion";
const sessionManager = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager";

const authority = fakeAuthority();
let machine: WindowsMachine;
let agent: AgentService;
let cluster: FakeCluster;
let services = 0;
const owners: Judgement = {
  judgedBy: "windows",
  because: "Wine's services do not run as SYSTEM, and no privilege of its lets anybody take ownership",
};

beforeAll(async () => {
  [machine, cluster] = await Promise.all([windowsMachine(), fakeCluster(authority, { profile: { on: true } })]);
  agent = await installAgent(machine, shippedFolder);
  await agent.start();
  await agent.command(["-enroll", "-cluster", cluster.url, "-key", authority.activationKey]);
  await eventually("protection is on", 10_000, async () => (await state()) === "on" || undefined);
});
afterAll(async () => {
  await Promise.all([machine?.close(), cluster?.close()]);
});

chapter(
  "every layer is on, and those that Wine does not have say so",
  async () => {
    const { recovery, serviceDacl, files, ...others } = (await protection()).layers;
    expect(new Set(Object.values(others))).toEqual(new Set(["on"]));
    expect(recovery).toBe("failed: QueryServiceConfig2W: Windows error 124");
    expect(serviceDacl).toBe("failed: the service manager does not keep the descriptor");
    expect(files).toBe("failed: the file system does not keep descriptors");
  },
  { judgedBy: "wine", because: "Windows has them: see its own tests" },
);

test("a foreign process on the pipe lifts nothing without a token", async () => {
  const lines = [
    '{"v":1,"command":"unprotect"}',
    '{"v":1,"command":"unprotect","token":"a.b.c","state":"lifted"}',
    '{"v":1,"command":"disarm"}',
    '{"v":1,"command":"enroll","cluster":"http://127.0.0.1:9","key":"postern-ak1.x"}',
    "unprotect",
    "{",
  ];
  const { stdout } = await machine.runScript(join(import.meta.dirname, "pipe-probe.ts"), ["say", ...lines]);
  const answers = stdout.trim().split(/\r?\n/);
  expect(answers).toHaveLength(lines.length);
  for (const answer of answers) expect(JSON.parse(answer)).toMatchObject({ ok: false });
  expect(await state()).toBe("on");
});

describe("changed as SYSTEM, and undone within a minute", () => {
  test("the service key's descriptor", async () => {
    await asSystem("descriptor");
    await undone(async () => (await setValue(serviceKey, "Foreign")).code !== 0);
    await heard({ layer: "serviceKeyDacl", found: "descriptor of PosternAgent", setBack: true });
  });

  chapter(
    "its owner, by an administrator who takes ownership",
    async () => {
      expect(await keyDescriptor()).toMatch(/^O:SY/);
      await asSystem("owner");
      await undone(async () => (await keyDescriptor()).startsWith("O:SY"));
    },
    owners,
  );

  chapter(
    "its owner and its descriptor, so that nobody may write any more",
    async () => {
      await asSystem("shutOut");
      await undone(async () => (await keyDescriptor()).startsWith("O:SYD:P"));
      expect((await protection()).layers["serviceKeyDacl"]).toBe("on");
    },
    owners,
  );

  test("its registration with the Event Log", async () => {
    const file = async () => (await machine.run("reg", ["query", eventSource, "/v", "EventMessageFile"])).stdout;
    expect(await file()).toMatch(/REG_EXPAND_SZ\s+%SystemRoot%\\System32\\EventCreate\.exe/);
    await asSystem("eventSource");
    await undone(async () => /REG_EXPAND_SZ\s+%SystemRoot%/.test(await file()));
    await heard({ layer: "eventSource", found: "EventMessageFile", setBack: true });
  });

  test("its start type and its command", async () => {
    // Wine's services have no more rights to the key than its administrators: they take them first.
    await asSystem("descriptor", "startType", "command");
    await undone(async () => {
      const { stdout } = await machine.run("reg", ["query", serviceKey]);
      return /Start\s+REG_DWORD\s+0x2\r?\n/.test(stdout) && /PosternAgent\.exe" -service\r?\n/.test(stdout);
    });
    await heard({ layer: "serviceConfig", setBack: true });
  });

  test("a debugger and a monitor for our program, and its deletion at the next start", async () => {
    await asSystem("debugger", "monitor", "renames");
    await undone(async () => {
      for (const key of ["Image File Execution Options", "SilentProcessExit"]) {
        const { code } = await machine.run("reg", ["query", `${windowsNt}\\${key}\\PosternAgent.exe`]);
        if (code === 0) return false;
      }
      const { stdout } = await machine.run("reg", ["query", sessionManager, "/v", "PendingFileRenameOperations"]);
      // What others asked for stays.
      return !stdout.includes("Postern\\") && stdout.includes("other.tmp");
    });
    await heard({ layer: "cleanRegistry", setBack: true });
  });
});

test("and nothing more is told when nothing more is changed", async () => {
  const before = (await drifts()).length;
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect((await drifts()).length).toBe(before);
});

test("what was changed while it was lifted is told when protection comes back", async () => {
  const token = await authority.token(Math.floor(Date.now() / 1000));
  expect(await agent.command(["-unprotect", token])).toMatchObject({ code: 0 });
  const disabled = ["/v", "Start", "/t", "REG_DWORD", "/d", "4", "/f"];
  expect((await machine.run("reg", ["add", serviceKey, ...disabled])).code).toBe(0);
  await asSystem("debugger");
  expect(await agent.command(["-protect"])).toMatchObject({ code: 0 });
  const rearmed = () => [...cluster.journal.values()].filter(({ kind }) => kind === "rearmed").map(({ data }) => data);
  await expect.poll(rearmed, { timeout: 20_000 }).toEqual([
    expect.objectContaining({
      changed: "serviceConfig (startType), cleanRegistry (Image File Execution Options\\PosternAgent.exe)",
    }),
  ]);
  expect((await machine.run("reg", ["query", serviceKey, "/v", "Start"])).stdout).toMatch(/REG_DWORD\s+0x2\r?\n/);
});

test("the Event Log is given whole sentences, and the same for programs", async () => {
  const probe = join(import.meta.dirname, "event-log-probe.ts");
  const { stdout, stderr } = await machine.runScript(probe, [], { env: { WINEDEBUG: "+eventlog" } });
  expect(stdout.trim()).toBe("settled");
  if (judge === "windows") return;
  // All that Wine does with an event is to print its texts.
  const texts = [...stderr.matchAll(/:eventlog:ReportEventW L"(.*)"/g)].map(([, text]) => text?.replaceAll('\\"', '"'));
  expect(texts.slice(0, 3)).toEqual([
    "Service protection is on: the agent config profile switched it on (revision 7).",
    '{"event":"protection_on","rev":7}',
    "Somebody changed what protects the agent (serviceConfig: startType). It was set back. Find out who or what did: a person, a script, or a group policy.",
  ]);
});

chapter(
  "the Event Viewer shows the sentences",
  async () => {
    const query = "*[System[Provider[@Name='PosternAgent'] and EventID=200]]";
    const { stdout } = await machine.run("wevtutil", ["qe", "Application", `/q:${query}`, "/f:text", "/c:1"]);
    expect(stdout).toContain("Service protection is on: the agent config profile switched it on");
  },
  { judgedBy: "windows", because: "Wine's Event Log keeps nothing" },
);

test("the folders can be neither renamed nor deleted", async () => {
  for (const folder of ["Program Files", "ProgramData"]) {
    await machine.run("cmd", ["/c", "move", `C:\\${folder}\\Postern`, `C:\\${folder}\\Elsewhere`]);
    expect(existsSync(join(machine.driveC, folder, "Elsewhere"))).toBe(false);
    expect(existsSync(join(machine.driveC, folder, "Postern"))).toBe(true);
  }
});

otherServicesChapters(() => ({ machine, agent, cluster, authority }));

async function undone(isUndone: () => Promise<boolean>): Promise<void> {
  await eventually("it is undone", minuteMs, async () => (await isUndone()) || undefined);
}

/** It is set back before it is told. */
async function heard(drift: Record<string, unknown>): Promise<void> {
  await expect.poll(drifts, { timeout: 20_000 }).toContainEqual(expect.objectContaining(drift));
}

/** Runs the changes in a service of their own: services run as SYSTEM. */
async function asSystem(...changes: string[]): Promise<void> {
  const name = `Tamper${++services}`;
  const done = join(machine.driveC, `${name}.txt`);
  rmSync(done, { force: true });
  const binPath = `C:\\tools\\node.exe ${machine.onWindows(join(import.meta.dirname, "tamper.ts"))} C:\\${name}.txt ${changes.join(" ")}`;
  expect((await machine.run("sc", ["create", name, "binPath=", binPath, "start=", "demand"])).code).toBe(0);
  await machine.run("sc", ["start", name]);
  await eventually("the changes are made", 20_000, () => existsSync(done) || undefined);
  expect(readFileSync(done, "utf8").split("\n")).toEqual(changes.map((change) => `${change}: done`));
}

function setValue(key: string, name: string) {
  return machine.run("reg", ["add", key, "/v", name, "/t", "REG_DWORD", "/d", "1", "/f"]);
}

async function keyDescriptor(): Promise<string> {
  return (await machine.runScript(join(import.meta.dirname, "descriptor-probe.ts"), [])).stdout.trim();
}

async function drifts(): Promise<unknown[]> {
  return [...cluster.journal.values()].filter(({ kind }) => kind === "drift").map(({ data }) => data);
}

async function protection(): Promise<{ state: string; layers: Record<string, string> }> {
  const { stdout } = await agent.command(["-status", "-json"]);
  return (JSON.parse(stdout) as { protection: { state: string; layers: Record<string, string> } }).protection;
}

async function state(): Promise<string> {
  return (await protection()).state;
}
