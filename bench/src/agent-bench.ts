import { execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { eventually } from "../../e2e/steps.ts";
import { installAgent } from "../../e2e/wine/agent-service.ts";
import { wineMachine } from "../../e2e/wine/prefix.ts";
import { agentFolder, build } from "../../packages/agent/build/agent.ts";
import { bundle } from "../../packages/agent/build/bundle.ts";
import { type Authority, fakeAuthority } from "../../packages/agent/src/authority.fixture.ts";
import { type FakeCluster, fakeCluster } from "../../packages/agent/src/fake-cluster.fixture.ts";
import { median } from "./median.ts";
import type { Table } from "./table.ts";

const entry = join(agentFolder, "src/main.ts");
/** What a service that has just started leaves behind is not rest. */
const settleMs = 10_000;
const restMs = 20_000;
const mib = 1024 ** 2;
const pageBytes = 4_096;
/** Far below the second that is asked about, far above what one wake takes. */
const sampleMs = 50;

/** The agent on one platform: enrolled, and at rest with a held check-in. */
interface Subject {
  readonly name: string;
  readonly pid: number;
  /** The least that such a process takes: programs that do nothing, by what they are. */
  readonly peers: readonly { readonly name: string; readonly pid: number }[];
  /** What the system itself says of the process, MB, where the kernel's figures are not its own. */
  workingSetMb?(): Promise<number>;
  /** Runs the agent's command line once, and waits for its answer. */
  command(args: readonly string[]): Promise<{ code: number; stderr: string }>;
  /** What `-unprotect` answers there: on platforms without service protection there is nothing to lift. */
  readonly unprotectCode: number;
  stop(): Promise<void>;
}

/** Footprint of the agent at rest and how long `-unprotect` takes, on Linux and, where there is Wine, on Windows. */
export async function agentBench(rounds: number): Promise<Table> {
  const rows: (string | number)[][] = [];
  const starts = existsSync("/usr/lib/wine/wine64") ? [onLinux, onWine] : [onLinux];
  for (const start of starts) {
    const authority = fakeAuthority();
    const cluster = await fakeCluster(authority, { profile: { on: true } });
    const subject = await start(authority, cluster);
    try {
      rows.push(...(await measure(subject, authority, rounds)));
    } finally {
      await subject.stop();
      await cluster.close();
    }
  }
  if (starts.length === 1) console.error("Wine is not installed: Windows was not measured.");
  return { columns: ["where", "what", "unit", "measured", "target", "kept"], rows };
}

async function measure(subject: Subject, authority: Authority, rounds: number): Promise<(string | number)[][]> {
  console.error(`${subject.name}: at rest for ${(settleMs + restMs) / 1000} s, then ${rounds} times -unprotect`);
  await pause(settleMs);
  const wakes = await wakesAtRest(subject.pid);
  const memory = residentMb(subject.pid);
  const peers = subject.peers.map(({ name, pid }) => ({ name, ...residentMb(pid) }));
  const workingSet = await subject.workingSetMb?.();

  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const token = await authority.token(Math.floor(Date.now() / 1000));
    const started = performance.now();
    const { code, stderr } = await subject.command(["-unprotect", token]);
    times.push((performance.now() - started) / 1000);
    if (code !== subject.unprotectCode) throw new Error(`-unprotect ended with ${code}: ${stderr}`);
  }
  const row = (what: string, unit: string, measured: number, target: number | undefined) => [
    subject.name,
    what,
    unit,
    measured,
    target ?? "",
    target === undefined ? "" : measured <= target ? "yes" : "no",
  ];
  return [
    row("resident memory of the service at rest", "MB", memory.resident, 70),
    row("of it, mapped from files", "MB", memory.mapped, undefined),
    row("of it, its own", "MB", memory.own, undefined),
    row("of its own, stacks of its threads", "MB", stacksMb(subject.pid), undefined),
    ...peers.flatMap(({ name, resident, own }) => [
      row(`for comparison: ${name}, doing nothing`, "MB", resident, undefined),
      row("of it, its own", "MB", own, undefined),
    ]),
    ...(workingSet === undefined
      ? []
      : [row("its working set, as Windows' API tells it", "MB", workingSet, undefined)]),
    row("its main thread wakes at rest", "per second", wakes.main, 1),
    row("any of its threads wakes at rest", "per second", wakes.any, undefined),
    row("-unprotect, process start to answer, median", "s", median(times), 1),
    row("-unprotect, slowest", "s", Math.max(...times), undefined),
  ];
}

/** Bundled as it is shipped, on the Node that it ships with: reading TypeScript would be measured else. */
async function onLinux(authority: Authority, cluster: FakeCluster): Promise<Subject> {
  const folder = mkdtempSync(join(tmpdir(), "postern-bench-"));
  const data = join(folder, "data");
  mkdirSync(data);
  const program = join(folder, "agent.cjs");
  writeFileSync(program, (await bundle(entry)).code);
  const node = join(agentFolder, "node_modules/.bin/node");
  const command = (args: readonly string[]) => run(node, [program, ...args, "-data", data]);
  const service = spawn(node, [program, "-service", "-data", data], { stdio: "ignore" });
  const idle = spawn(node, ["-e", "setInterval(() => {}, 60_000)"], { stdio: "ignore" });
  const stop = async () => {
    idle.kill();
    service.kill("SIGTERM");
    await Promise.race([new Promise((resolve) => service.once("exit", resolve)), pause(10_000)]);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await enrol(command, authority, cluster);
  } catch (error) {
    await stop();
    throw error;
  }
  const refused = 3;
  const peers = [{ name: "node of the same release", pid: idle.pid ?? 0 }];
  return { name: "Linux", pid: service.pid ?? 0, peers, command, unprotectCode: refused, stop };
}

/** The real executable as a real service. */
async function onWine(authority: Authority, cluster: FakeCluster): Promise<Subject> {
  const out = join(tmpdir(), "postern-bench-agent");
  await build({ entry, out, neutralised: true });
  const machine = await wineMachine();
  try {
    const agent = await installAgent(machine, out);
    await agent.start();
    await enrol(agent.command, authority, cluster);
    const prefix = join(machine.driveC, "..");
    const pid = processOf(prefix, "PosternAgent.exe", "-service");
    const nothing = join(tmpdir(), "postern-bench-nothing");
    await build({ entry: join(import.meta.dirname, "../../e2e/wine/idle.ts"), out: nothing, neutralised: true });
    const started = machine.startProgram(machine.onWindows(join(nothing, "PosternAgent.exe")));
    await started.prints("idle");
    return {
      name: "Windows (Wine)",
      pid,
      peers: [
        { name: "node.exe of the same release", pid: processOf(prefix, "node.exe", "idle.ts") },
        { name: "the agent's executable without the agent", pid: processOf(prefix, "postern-bench-nothing") },
      ],
      async workingSetMb() {
        const { stdout, stderr } = await machine.runScript(join(import.meta.dirname, "working-set.ts"), []);
        if (stdout === "") throw new Error(stderr);
        return Number(stdout) / 1024 ** 2;
      },
      command: agent.command,
      unprotectCode: 0,
      stop: () => machine.close(),
    };
  } catch (error) {
    await machine.close();
    throw error;
  }
}

async function enrol(command: Subject["command"], authority: Authority, cluster: FakeCluster): Promise<void> {
  await eventually("the agent has enrolled", 60_000, async () => {
    const { code, stderr } = await command(["-enroll", "-cluster", cluster.url, "-key", authority.activationKey]);
    if (code !== 0) throw new Error(stderr);
    return true;
  });
}

function run(program: string, args: readonly string[]): Promise<{ code: number; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(program, args, (_error, _stdout, stderr) => resolve({ code: child.exitCode ?? -1, stderr }));
  });
}

/** The process in this prefix whose command line has all these words. */
function processOf(prefix: string, ...words: readonly string[]): number {
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const isOurs = readFileSync(`/proc/${name}/environ`, "latin1").includes(prefix);
      const line = readFileSync(`/proc/${name}/cmdline`, "latin1");
      if (isOurs && words.every((word) => line.includes(word))) return Number(name);
    } catch {
      // It ended meanwhile.
    }
  }
  throw new Error(`no process of ${words.join(" ")} was found`);
}

/** MB, as the kernel counts them: pages mapped from files can be shared with others and dropped, the process's own cannot. */
function residentMb(pid: number): { resident: number; mapped: number; own: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const mb = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]) / 1024;
  return { resident: mb("VmRSS"), mapped: mb("RssFile"), own: mb("RssAnon") };
}

/**
 * Resident stacks, MB. Wine touches a megabyte of each thread's, in every program; on Linux and on Windows a thread has what
 * it uses. They are told by their size: the 8 MB that both reserve, and up to 1 MB of Wine's.
 */
function stacksMb(pid: number): number {
  let inStack = false;
  let kb = 0;
  for (const line of readFileSync(`/proc/${pid}/smaps`, "utf8").split("\n")) {
    const mapping = /^([0-9a-f]+)-([0-9a-f]+) rw-p \S+ 00:00 0/.exec(line);
    const size = mapping ? Number.parseInt(mapping[2] ?? "", 16) - Number.parseInt(mapping[1] ?? "", 16) : 0;
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) inStack = size >= 8 * mib - pageBytes && size <= 9 * mib + 64 * 1024;
    else if (inStack && line.startsWith("Rss:")) kb += Number(/\d+/.exec(line)?.[0]);
  }
  return kb / 1024;
}

/**
 * How often a process at rest wakes, per second of its main thread and of any: a timer that fires wakes it once.
 *
 * Counted are moments of work after a moment of none, not the times that a thread waited meanwhile: under Wine each call of
 * the system is one.
 */
async function wakesAtRest(pid: number): Promise<{ main: number; any: number }> {
  const began = performance.now();
  const count = { main: 0, any: 0 };
  let last = waits(pid);
  let worked = { main: false, any: false };
  while (performance.now() - began < restMs) {
    await pause(sampleMs);
    const now = waits(pid);
    const works = { main: now.main !== last.main, any: now.all !== last.all };
    if (works.main && !worked.main) count.main++;
    if (works.any && !worked.any) count.any++;
    [last, worked] = [now, works];
  }
  const seconds = (performance.now() - began) / 1000;
  return { main: count.main / seconds, any: count.any / seconds };
}

/** How often its threads gave up the processor to wait. */
function waits(pid: number): { main: number; all: number } {
  const of = (thread: string) => {
    try {
      const status = readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
      return Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    } catch {
      return 0; // It ended meanwhile.
    }
  };
  const threads = readdirSync(`/proc/${pid}/task`);
  return { main: of(String(pid)), all: threads.reduce((sum, thread) => sum + of(thread), 0) };
}
