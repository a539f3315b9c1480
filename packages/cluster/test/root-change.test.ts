import { type ChildProcess, spawn } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openShell, type ScriptShell } from "./command-script.ts";
import { type Caller, call, logInAsAdmin } from "./http-client.ts";
import { type RunningCluster, startCluster } from "./running-cluster.ts";

const agentProgram = join(import.meta.dirname, "../../agent/src/main.ts");

let cluster: RunningCluster;
let admin: Caller;
let shell: ScriptShell;
let tenantId: string;
const agents: LinuxAgent[] = [];

beforeAll(async () => {
  cluster = await startCluster();
  admin = await logInAsAdmin(cluster);
  shell = await openShell(cluster, "operator");
  expect(await shell.run("postern login --password-stdin admin < admin-password")).toContain("Logged in");
  tenantId = (await call<{ id: string }>(cluster, admin, "POST", "/tenants", { name: "acme" })).id;
});
afterAll(async () => {
  for (const agent of agents) await agent.stop();
  await cluster.remove();
});

interface Status {
  readonly enrolled: boolean;
  readonly agentId: string;
  readonly link?: { readonly reachedSecondsAgo?: number; readonly trouble?: string };
}

/** The agent itself, as a process of its own in the foreground. */
interface LinuxAgent {
  readonly folder: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  run(...args: string[]): Promise<{ code: number | null; out: string }>;
  until(condition: (status: Status) => boolean): Promise<Status>;
}

function linuxAgent(name: string): LinuxAgent {
  const folder = join(cluster.directory, name);
  let service: ChildProcess | undefined;
  const env = { PATH: process.env["PATH"], HOME: cluster.directory };
  const agent: LinuxAgent = {
    folder,
    async start() {
      service = spawn(process.execPath, [agentProgram, "-service", "-data", folder], { env, stdio: "ignore" });
      while ((await agent.run("-status")).code !== 0) await pause(50);
    },
    async stop() {
      const running = service;
      service = undefined;
      if (!running) return;
      const closed = new Promise((resolve) => running.once("close", resolve));
      running.kill("SIGTERM");
      await closed;
    },
    run(...args) {
      return new Promise((resolve) => {
        const child = spawn(process.execPath, [agentProgram, ...args, "-data", folder], {
          env,
          stdio: ["ignore", "pipe", "pipe"],
        });
        let out = "";
        for (const stream of [child.stdout, child.stderr]) {
          stream.on("data", (chunk: Buffer) => {
            out += chunk.toString();
          });
        }
        child.on("close", (code) => resolve({ code, out }));
      });
    },
    async until(condition) {
      for (;;) {
        const { code, out } = await agent.run("-status", "-json");
        const status = code === 0 ? (JSON.parse(out) as Status) : undefined;
        if (status && condition(status)) return status;
        await pause(100);
      }
    },
  };
  agents.push(agent);
  return agent;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function activationKey(): Promise<string> {
  return (await call<{ key: string }>(cluster, admin, "POST", "/activation-keys", { tenantId, maxUses: 2 })).key;
}

async function enrolled(name: string): Promise<LinuxAgent> {
  const agent = linuxAgent(name);
  await agent.start();
  const { code, out } = await agent.run("-enroll", "-cluster", cluster.url, "-key", await activationKey());
  expect({ code, out }).toMatchObject({ code: 0 });
  return agent;
}

/** Waits until the cluster knows that the agent has the newest trust bundle. */
async function untilAcknowledged(agent: LinuxAgent): Promise<void> {
  const { agentId } = await agent.until(({ enrolled }) => enrolled);
  for (;;) {
    const { trustBundle } = await call<{ trustBundle: { current: number; acknowledged: number } }>(
      cluster,
      admin,
      "GET",
      `/agents/${agentId}`,
    );
    if (trustBundle.current === trustBundle.acknowledged) return;
    await pause(100);
  }
}

test("the first root is replaced, then found stolen: agents follow by the second, one of them after both", async () => {
  const connected = await enrolled("connected");
  const away = await enrolled("away");
  for (const agent of [connected, away]) await untilAcknowledged(agent);
  await away.stop();

  const planned = await shell.run('postern key root change --reason "a drill"');
  expect(planned).toContain("this was change 1 of the roots");
  await untilAcknowledged(connected);

  const secondRoot = join(cluster.directory, "data/second-root-key.json");
  const guarded = await shell.run(`postern key root change --reason "a drill" --compromised`);
  expect(guarded).toContain("must not sign for its successor");
  await shell.run("echo many words > passphrase");
  const flags = "--new-second-root second-2.json --passphrase-file passphrase";
  const recover = `postern key root change --reason "disk stolen" --compromised ${flags}`;
  const recovered = await shell.run(`${recover} --sign-with - < ${secondRoot}`);
  expect(recovered).toContain("this was change 2 of the roots");
  const exported = join(shell.home, "second-2.json");
  expect((await stat(exported)).mode & 0o777).toBe(0o600);
  expect(await readFile(exported, "utf8")).not.toContain('"d"');
  const spent = await shell.run(`${recover.replace("second-2", "second-3")} --sign-with ${secondRoot}`);
  expect(spent).toContain("none of this cluster's any more");

  await away.start();
  for (const agent of [connected, away]) await untilAcknowledged(agent);
  // What they pin is worked out again at each start, from the anchor that was written at enrolment.
  for (const agent of [connected, away]) {
    await agent.stop();
    await agent.start();
  }
  // The new second root is good for the next change, and only with its passphrase.
  const next = 'postern key root change --reason "a drill" --sign-with second-2.json --new-second-root second-3.json';
  expect(await shell.run(next)).toContain("sealed by a passphrase");
  expect(await shell.run(`${next} --passphrase-file passphrase`)).toContain("change 3 of the roots");
  for (const agent of [connected, away]) {
    await untilAcknowledged(agent);
    await agent.until(({ link }) => link?.reachedSecondsAgo !== undefined && link.trouble === undefined);
  }
}, 180_000);

test("an activation key of before a change that its root did not sign is refused by the machine, in plain words", async () => {
  const old = await activationKey();
  const change = "--sign-with second-3.json --new-second-root second-4.json --passphrase-file passphrase";
  const preview = await shell.run(`postern key root change --reason "a drill" ${change} --dry-run`);
  expect(preview).toContain("agents will refuse to enrol with them. Make new ones afterwards");
  expect(await shell.run(`postern key root change --reason "a drill" ${change}`)).toContain("change 4 of the roots");
  const agent = linuxAgent("late");
  await agent.start();
  const { code, out } = await agent.run("-enroll", "-cluster", cluster.url, "-key", old);
  expect(code).toBe(3);
  expect(out).toContain("answer_unknown_key");
  expect(out).toContain("Make a new activation key");
  const again = await agent.run("-enroll", "-cluster", cluster.url, "-key", await activationKey());
  expect(again.code).toBe(0);
}, 120_000);
