import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fakeAuthority } from "../authority.fixture.ts";
import { type FakeCluster, fakeCluster } from "../fake-cluster.fixture.ts";

interface Ran {
  readonly exit: number | null;
  readonly out: string;
  readonly err: string;
}

const authority = fakeAuthority();
const protectedProgram = join(import.meta.dirname, "protected-program.fixture.ts");
const product = join(import.meta.dirname, "../main.ts");
let folder: string;
let cluster: FakeCluster;
let service: ChildProcess;

function start(entry: string, args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [entry, ...args], { stdio: ["pipe", "pipe", "pipe"] });
}

function finish(child: ChildProcess, input = ""): Promise<Ran> {
  let out = "";
  let err = "";
  child.stdout?.on("data", (piece) => {
    out += String(piece);
  });
  child.stderr?.on("data", (piece) => {
    err += String(piece);
  });
  child.stdin?.on("error", () => {});
  child.stdin?.end(input);
  return new Promise((resolve) => child.on("close", (exit) => resolve({ exit, out, err })));
}

/** One command to the service in `folder`. */
function agent(args: readonly string[], input = ""): Promise<Ran> {
  return finish(start(protectedProgram, [...args, "-data", folder]), input);
}

async function serviceAnswers(): Promise<void> {
  while ((await agent(["-status"])).exit === 4);
}

const now = () => Math.floor(Date.now() / 1000);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "postern-cli-"));
  cluster = await fakeCluster(authority);
  service = start(protectedProgram, ["-service", "-data", folder]);
  await serviceAnswers();
}, 30_000);

afterAll(async () => {
  const ended = new Promise((resolve) => service.once("close", resolve));
  service.kill("SIGTERM");
  await ended;
  await cluster.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("without a service", { timeout: 30_000 }, () => {
  test.each([
    { type: [], exit: 0, out: /-unprotect <token> .*\n.*-protect/, err: /^$/ },
    { type: ["--version"], exit: 0, out: /^\d+\.\d+\.\d+\n$/, err: /^$/ },
    { type: ["-status", "-data", "/nowhere"], exit: 4, out: /^$/, err: /^service_unreachable: .*\n$/ },
    { type: ["-frobnicate"], exit: 2, out: /^$/, err: /^usage: -frobnicate is not known/ },
    { type: ["-unprotect", "-file", "/nowhere"], exit: 2, out: /^$/, err: /^usage: .*cannot be read \(ENOENT\)/ },
  ])("$type: $exit", async ({ type, exit, out, err }) => {
    const ran = await finish(start(product, type));
    expect(ran).toEqual({ exit, out: expect.stringMatching(out), err: expect.stringMatching(err) });
  });
});

describe("from enrolling to protected again", { timeout: 60_000 }, () => {
  test("the whole way", async () => {
    // Not enrolled yet
    expect(await agent(["-unprotect", "x"])).toEqual({
      exit: 3,
      out: "",
      err: "not_protected: This machine belongs to no cluster, so its service is not protected. Stop it as any other, or join a cluster with -enroll.\n",
    });
    expect(await agent(["-enroll", "-cluster", "http://cluster.example", "-key", authority.activationKey])).toEqual({
      exit: 3,
      out: "",
      err: "url_insecure: Plain http is for a cluster on this very machine only. Use https.\n",
    });
    expect(await agent(["-enroll", "-cluster", cluster.url, "-key", "-"], `${authority.activationKey}\r\n`)).toEqual({
      exit: 0,
      out: `Enrolled as agent ${authority.agentId} of tenant ${authority.tenantId}.\n`,
      err: "",
    });
    expect(await agent(["-challenge"])).toMatchObject({
      exit: 3,
      err: expect.stringMatching(/^not_protected: Service/),
    });

    // Protected
    cluster.setProfile({ on: true });
    await cluster.until(() => cluster.checkIns.at(-1)?.protection.state === "on");
    expect((await agent(["-status"])).out).toMatch(
      /^service protection +on\n {2}because +its agent config profile has it on\n {2}since +\d{4}-\S+Z \(\d+ seconds? ago\)\n {2}fake +on\ntrusted time /,
    );
    expect(await agent(["-protect"])).toEqual({ exit: 0, out: "The service is protected already.\n", err: "" });
    expect(await agent(["-enroll", "-cluster", cluster.url, "-key", authority.activationKey])).toMatchObject({
      exit: 3,
      err: expect.stringMatching(/^already_enrolled: /),
    });

    // Refused
    const expired = await authority.token(now() - 900 - 240);
    const refusedExpired = await agent(["--unprotect", expired]);
    expect(refusedExpired.exit).toBe(3);
    expect(refusedExpired.err).toMatch(
      /^expired: This token expired 4 minutes ago \(trusted time \d\d:\d\d UTC, system clock \d\d:\d\d UTC\)\. Generate a new one; it is valid for 15 minutes\. .*-challenge.*\n$/,
    );
    expect((await agent(["-unprotect", await authority.token(now() + 600)])).err).toMatch(
      /^not_yet_valid: This token is not valid yet \(trusted time .*, system clock .*, valid from .*\)\. .*-challenge/,
    );
    const other = "01932000-0000-7000-8000-00000000000a";
    expect((await agent(["-unprotect", await authority.token(now(), { aud: `agent:${other}` })])).err).toMatch(
      /^wrong_agent: /,
    );
    expect((await agent(["-unprotect", await authority.token(now(), { aud: `tenant:${other}` })])).err).toMatch(
      /^wrong_tenant: /,
    );

    // Explained: nothing moves, and nothing is journaled (see the end)
    const file = join(folder, "token.txt");
    const token = await authority.token(now(), { lift: 3600 });
    writeFileSync(file, `\uFEFF${token}\r\n`);
    expect(await agent(["-explain", "-file", file])).toMatchObject({
      exit: 0,
      out: expect.stringMatching(
        /^kind +agent: for one agent\nfor +agent:.*\n(.*\n)*expires +\S+Z \(in 1[45] minutes\)\n(.*\n)*key id +\S+\nthis agent would +accept it\n$/,
      ),
      err: expect.stringMatching(/^Nothing was changed\. .* -unprotect <token>\n$/),
    });
    expect(await agent(["-explain", "-"], expired)).toMatchObject({
      exit: 3,
      out: expect.stringMatching(/expires +\S+Z \(4 minutes ago\)\n(.*\n)*this agent would +refuse it: expired\n$/),
      err: expect.stringMatching(/^expired: /),
    });
    const foreign = await authority.token(now(), { aud: `tenant:${other}` });
    expect(await agent(["-explain", foreign])).toMatchObject({
      exit: 3,
      out: expect.stringMatching(
        /^What it says of itself; nothing of this is verified:\nkind +tenant: .*\nfor +tenant:/,
      ),
      err: expect.stringMatching(/^wrong_tenant: /),
    });
    expect(await agent(["-explain", "no token"])).toMatchObject({ exit: 3, out: "" });

    // Lifted
    expect(await agent(["-unprotect", "-file", file])).toEqual({
      exit: 0,
      out:
        "Service protection is lifted: 1 hour left. The service can be stopped now.\n" +
        "Protection comes back when that is over, when the restarted service reaches its cluster, or with -protect.\n",
      err: "",
    });
    const status = JSON.parse((await agent(["-status", "-json"])).out) as { protection: object };
    expect(status).toMatchObject({ because: "token" });
    expect(status.protection).toMatchObject({
      state: "lifted",
      layers: { fake: "off" },
      budgetLeft: expect.any(Number),
    });
    expect((await agent(["-unprotect", "-"], token)).out).toMatch(/^The lift is on: /);
    expect(await agent(["-protect"])).toEqual({ exit: 0, out: "The service is protected again.\n", err: "" });
    expect(await agent(["-unprotect", token])).toEqual({
      exit: 3,
      out: "",
      err: "already_used: This token has been used here and has no lift left to give. Generate a new one; it is valid for 15 minutes.\n",
    });

    // By challenge
    const challenge = await agent(["-challenge"]);
    expect(challenge).toMatchObject({
      exit: 0,
      out: expect.stringMatching(/^([0-9A-Z*~$=]{4}-){3}[0-9A-Z*~$=]{4}\n$/),
      err: expect.stringMatching(/within 15 minutes(.*\n)*.*Agent List(.*\n)*.*-unprotect <token>/),
    });
    const answer = await authority.token(now(), { chg: challenge.out.trim().replaceAll("-", "") });
    expect(await agent(["-unprotect", answer])).toMatchObject({ exit: 0 });
    expect((await agent(["-unprotect", answer])).err).toMatch(/^already_used: /);

    // All of it reached the cluster, and no token did
    await cluster.until(() => [...cluster.journal.values()].filter(({ kind }) => kind === "refused").length === 6);
    const told = [...cluster.journal.values()]
      .filter(({ kind }) => kind === "refused")
      .map(({ data }) => data["reason"]);
    expect(told).toEqual(["expired", "not_yet_valid", "wrong_agent", "wrong_tenant", "already_used", "already_used"]);
    expect(JSON.stringify([...cluster.journal.values()])).not.toContain(token.slice(0, 40));
    const written = readdirSync(folder, { withFileTypes: true }).filter(
      (entry) => entry.isFile() && entry.name !== "token.txt",
    );
    for (const { name } of written) {
      expect(readFileSync(join(folder, name)).includes(token.slice(-60)), name).toBe(false);
      expect(readFileSync(join(folder, name)).includes("A".repeat(43)), name).toBe(false);
    }
  });

  test("a mistake that nobody caught is logged, and the service goes on", async () => {
    let logged = "";
    service.stderr?.on("data", (piece) => {
      logged += String(piece);
    });
    service.kill("SIGUSR2");
    while (!(logged.includes("a mistake in a callback") && logged.includes("a forgotten promise")))
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await agent(["-status"])).exit).toBe(0);
    expect(service.exitCode).toBeNull();
  });

  test("two services on one folder: the second one says so and leaves", async () => {
    const second = await finish(start(protectedProgram, ["-service", "-data", folder]));
    expect(second).toMatchObject({ exit: 1, err: expect.stringMatching(/another process is this folder's service/) });
    expect((await agent(["-status"])).exit).toBe(0);
  });

  test("a megabyte, half a line and rubbish on the socket leave the service answering", async () => {
    const socket = join(folder, "agent.sock");
    for (const text of ["x".repeat(1 << 20), '{"v":1,', "rubbish\n", '{"v":2,"command":"protect"}\n', "null\n"]) {
      const client = connect(socket).resume();
      client.on("error", () => {});
      const answer = new Promise((resolve) => client.once("close", resolve));
      client.end(text);
      await answer;
    }
    expect((await agent(["-status"])).exit).toBe(0);
  });
});

test("where service protection does not exist, the product says so", async () => {
  const data = mkdtempSync(join(tmpdir(), "postern-cli-"));
  const plain = await fakeCluster(authority, { profile: { on: true } });
  const running = start(product, ["-service", "-data", data]);
  const ask = (...args: string[]) => finish(start(product, [...args, "-data", data]));
  try {
    while ((await ask("-status")).exit === 4);
    expect(await ask("-enroll", "-cluster", plain.url, "-key", authority.activationKey)).toMatchObject({ exit: 0 });
    await plain.until(() => plain.checkIns.length > 0);
    expect(plain.checkIns[0]).toMatchObject({ facts: { platform: "linux" }, protection: { state: "unsupported" } });
    expect(await ask("-unprotect", await authority.token(now()))).toEqual({
      exit: 3,
      out: "",
      err: "not_protected: Service protection does not exist on this operating system, so there is nothing to lift. Stop the service as any other.\n",
    });
  } finally {
    const ended = new Promise((resolve) => running.once("close", resolve));
    running.kill("SIGTERM");
    expect(await ended).toBe(0);
    await plain.close();
    rmSync(data, { recursive: true, force: true });
  }
}, 30_000);
