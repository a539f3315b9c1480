import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const program = join(import.meta.dirname, "../src/demo/main.ts");
const postern = join(import.meta.dirname, "../../cluster/bin/postern.mjs");
const home = mkdtempSync(join(tmpdir(), "postern-demo-"));
const data = join(home, "demo-data");
let demo: ChildProcess;
let printed = "";

beforeAll(async () => {
  demo = spawn(process.execPath, [program, "--port", String(await freePort())], { cwd: home, stdio: "pipe" });
  for (const stream of [demo.stdout, demo.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
    });
  }
  while (!printed.includes("Ctrl-C ends everything.")) {
    if (demo.exitCode !== null) throw new Error(`The demo has ended. It wrote:\n${printed}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

afterAll(() => {
  demo.kill("SIGKILL");
  rmSync(home, { recursive: true, force: true });
});

/** The commands that the guide prints for a role, in their order. */
function commandsOf(role: string): string[] {
  const block = printed.split("\n\n").find((each) => each.startsWith(`${role} `)) ?? "";
  return block
    .split("\n")
    .filter((line) => line.startsWith("  "))
    .map((line) => line.trim());
}

/** Types a printed command into somebody's shell; a log-in gets the password that was printed. */
async function type(command: string, shell = "site_admin"): Promise<string> {
  const [, name = ""] = /^npx postern login .* (\w+)$/.exec(command) ?? [];
  const [, password = ""] = new RegExp(`^${name} +(\\S+)`, "m").exec(printed) ?? [];
  const typed = command
    .replaceAll("npx postern", `'${process.execPath}' '${postern}'`)
    .replaceAll("npm run -s demo --", `'${process.execPath}' '${program}'`);
  const child = spawn("sh", ["-c", name === "" ? typed : `${typed} --password-stdin`], {
    cwd: home,
    env: { PATH: process.env["PATH"], HOME: home, XDG_CONFIG_HOME: join(home, shell), TZ: "UTC" },
  });
  child.stdin.end(`${password}\n`);
  let seen = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      seen += chunk.toString();
    });
  }
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return code === 0 ? seen : `${seen}[${code}]`;
}

/** What each command must show. */
const ways: Readonly<Record<string, readonly (string | RegExp)[]>> = {
  customer_support: [
    /FAILED 1052[\s\S]*\[3\]$/,
    "as sofia.",
    "Reaches 1 of 1 Windows agent.",
    "Service protection is lifted: 1 hour left.",
    "has stopped",
    "reaches its cluster again",
    "runs",
    /^service protection {2}on$/m,
    /^protection +on since/m,
  ],
  agent_installer: [
    "as ingrid.",
    "For one agent of the tenant Hanse Freight",
    "Enrolled as agent",
    "Agent token for the agent on HAM-WS-040.",
    /role_may_not_generate\)[\s\S]*\[3\]$/,
  ],
  tenant_owner: [
    "as henrik.",
    /^other services +Sysmon64, MSSQLSERVER$/m,
    /Of [78] Windows agents, 0 would gain protection, [78] would lose it\./,
    /^challenge required {2}on$/m,
    /role_may_not_generate\)[\s\S]*\[3\]$/,
  ],
  site_admin: [
    "as admin.",
    "Agent token for the whole cluster.",
    "accept it",
    /live .* sofia .* Kempten without network/,
  ],
  auditor: ["as anton.", /^\S+Z +\S+ +[a-z.-]+ +(done|refused) /m, /Hanse Freight +\d+ +intact/],
};

test("whoever types what the demo prints has walked the way of every role", async () => {
  // All of them at once, as on any working day.
  await Promise.all(
    Object.entries(ways).map(async ([role, shown]) => {
      const commands = commandsOf(role);
      expect(commands, role).toHaveLength(shown.length);
      for (const [at, command] of commands.entries()) {
        expect(`$ ${command}\n${await type(command, role)}`).toMatch(shown[at] ?? "");
      }
    }),
  );
});

test("the machines are of every kind, healthy ones and troubled ones", async () => {
  const list = await type("npm run -s demo -- list");
  expect(list.trimEnd().split("\n").length).toBeGreaterThan(30);
  expect(list).toMatch(/^HAM-WS-040 +Hanse Freight /m);
  for (const shape of [/ham-erp .* unsupported$/m, /HAM-WS-022 .* lifted$/m, /RTM-SCAN-03 .* stopped /m]) {
    expect(list).toMatch(shape);
  }
  await type("npm run -s demo -- cut HAM-DC-01");
  expect(await type("npm run -s demo -- list")).toMatch(/^HAM-DC-01 .* cut off /m);
  const renamed = await type("npx postern agent show RTM-LOAN-09");
  expect(renamed).toMatch(/^kept from +profile/m);
  expect(await type("npx postern agent show BZO-WS-002")).toContain("serviceKeyDacl failed: Access is denied. (5)");
  expect(await type("npm run -s demo -- at NOWHERE -status")).toMatch(/no machine "NOWHERE"[\s\S]*\[2\]$/);
});

test("a second demo in the same folder is refused, and Ctrl-C leaves nothing behind", async () => {
  expect(await type("npm run -s demo --")).toMatch(/runs here already[\s\S]*\[1\]$/);
  const ended = new Promise((resolve) => demo.once("close", resolve));
  demo.kill("SIGINT");
  expect(await ended).toBe(0);
  expect(existsSync(data)).toBe(false);
  expect(await type("npm run -s demo -- list")).toMatch(/No demo runs here[\s\S]*\[1\]$/);
});

test("a folder that is no demo's is left alone", async () => {
  expect(await type("npm run -s demo -- --data .")).toMatch(/nothing was touched[\s\S]*\[2\]$/);
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
