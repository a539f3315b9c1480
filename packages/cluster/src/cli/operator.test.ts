import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { Command } from "commander";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Problem, type ProblemCode, problems, toProblemBody } from "../http/problems.ts";
import { addOperatorCommands, runCommandLine } from "./operator.ts";
import { ApiRefused } from "./refused.ts";
import { loadSession, saveSession } from "./session-file.ts";
import type { Terminal } from "./terminal.ts";

/** What the stand-in for a cluster was sent. */
interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

let home: string;
let server: Server;
let url: string;
let seen: Seen[];
let answer: (request: Seen, response: ServerResponse) => void;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "postern-cli-"));
  seen = [];
  answer = (_, response) => sendJson(response, 200, { items: [], nextCursor: null });
  server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const one = { method: request.method ?? "", url: request.url ?? "", headers: request.headers, body };
    seen.push(one);
    answer(one, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  rmSync(home, { recursive: true });
});

function sendJson(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  const type = status < 400 ? "application/json; charset=utf-8" : "application/problem+json";
  response.writeHead(status, { "content-type": type, ...headers }).end(JSON.stringify(body));
}

function sendProblem(response: ServerResponse, code: ProblemCode, detail?: string): void {
  const problem = toProblemBody(new Problem(code, detail), "r-1");
  sendJson(response, problem.status, problem);
}

/** Runs a command line and gives all that it did to its terminal. */
async function run(args: readonly string[], env: Record<string, string> = {}, stdin = "") {
  let out = "";
  let err = "";
  const terminal: Terminal = {
    env: { HOME: home, POSTERN_URL: url, ...env },
    stdin: Readable.from([stdin]) as NodeJS.ReadStream,
    print(text) {
      out += text;
    },
    say(text) {
      err += text;
    },
    now: () => Date.parse("2026-11-24T08:29:01Z"),
    randomUuid: () => "00000000-0000-4000-8000-000000000001",
  };
  const program = new Command("postern");
  program.configureOutput({ writeOut: terminal.print, writeErr: terminal.say });
  addOperatorCommands(program, terminal);
  const code = await runCommandLine(program, args, terminal);
  return { code, out, err };
}

const withKey = { POSTERN_API_KEY: "pst_example" };

/** Every command line that shows a help: `[]`, `["tenant"]`, `["tenant", "list"]`, … */
function commandPaths(command: Command, path: readonly string[] = []): (readonly string[])[] {
  return [path, ...command.commands.flatMap((child) => commandPaths(child, [...path, child.name()]))];
}

test("every command's help has examples or leads to them, and every command that reads has --json", async () => {
  const program = new Command("postern");
  addOperatorCommands(program, {} as Terminal);
  const paths = commandPaths(program).filter(({ length }) => length > 0);
  expect(paths.length).toBeGreaterThan(70);
  for (const path of paths) {
    const { out } = await run([...path, "--help"]);
    expect(out, path.join(" ")).toMatch(/\nExamples:\n {2}postern |\nEach has examples: postern /);
    if (/^(list|show|preview|versions|journal|verify)$/.test(path.at(-1) ?? "")) expect(out).toContain("--json");
  }
});

test("logs in, keeps the cookie by hand, and later commands send it as a browser on our own page would", async () => {
  answer = (_, response) =>
    sendJson(response, 200, {}, { "set-cookie": "pst=s3cret; Path=/; HttpOnly; SameSite=Lax; Max-Age=43200" });
  const login = await run(["login", "--password-stdin", "alice"], {}, "pass word \nmore\n");
  expect(login).toEqual({ code: 0, out: "", err: `Logged in at ${url} as alice.\n` });
  expect(seen[0]).toMatchObject({
    method: "POST",
    url: "/api/v1/session",
    body: '{"name":"alice","password":"pass word "}',
  });
  expect(await loadSession({ HOME: home })).toEqual({ url, name: "alice", cookie: "pst=s3cret" });

  answer = (_, response) => sendJson(response, 200, { items: [], nextCursor: null });
  const listed = await run(["tenant", "list", "--json"], { POSTERN_URL: "" });
  expect(listed).toEqual({ code: 0, out: "[]\n", err: "" });
  expect(seen[1]?.headers).toMatchObject({ cookie: "pst=s3cret", "sec-fetch-site": "same-origin", origin: url });
});

test("takes the cookie that browsers get over https, too", async () => {
  answer = (_, response) => sendJson(response, 200, {}, { "set-cookie": "__Host-pst=s3cret; Secure; Path=/" });
  await run(["login", "--password-stdin", "alice"], {}, "x\n");
  expect(await loadSession({ HOME: home })).toMatchObject({ cookie: "__Host-pst=s3cret" });
});

test("sends a session's cookie to the cluster that gave it and to no other", async () => {
  await saveSession({ HOME: home }, { url: "https://postern.example.com", name: "alice", cookie: "pst=s3cret" });
  const { code, err } = await run(["tenant", "list"]);
  expect(code).toBe(3);
  expect(err).toContain(`Nobody is logged in at ${url}`);
  expect(seen).toEqual([]);
});

test("an API key wins over a session, and goes along alone", async () => {
  await saveSession({ HOME: home }, { url, name: "alice", cookie: "pst=s3cret" });
  await run(["tenant", "list"], withKey);
  expect(seen[0]?.headers).toMatchObject({ authorization: "Bearer pst_example" });
  expect(seen[0]?.headers.cookie).toBeUndefined();
});

test("keeps a cookie that the cluster renews", async () => {
  await saveSession({ HOME: home }, { url, name: "alice", cookie: "pst=older" });
  answer = (_, response) =>
    sendJson(response, 200, { items: [], nextCursor: null }, { "set-cookie": "pst=newer; Path=/" });
  await run(["tenant", "list"]);
  expect(await loadSession({ HOME: home })).toMatchObject({ cookie: "pst=newer" });
});

test("asks for the password again when the cluster wants it, and then does the same once more", async () => {
  await saveSession({ HOME: home }, { url, name: "alice", cookie: "pst=s3cret" });
  let fresh = false;
  answer = (request, response) => {
    if (request.url.endsWith("/reauthenticate")) {
      fresh = true;
      response.writeHead(204).end();
    } else if (request.url.endsWith("/preview")) {
      sendJson(response, 200, { kid: "k", coverage: generated.coverage });
    } else if (!fresh) sendProblem(response, "reauthentication_required");
    else sendJson(response, 201, generated);
  };
  const args = ["token", "generate", "--cluster", "--reason", "fire drill"];
  const { code, out, err } = await run([...args, "--password-stdin"], {}, "pass word\n");
  expect({ code, out }).toEqual({ code: 0, out: "e30.e30.AA\n" });
  expect(err).toContain("Good until");
  expect(seen.map(({ method, url: path, body }) => `${method} ${path} ${body}`)).toEqual([
    'POST /api/v1/agent-tokens {"kind":"cluster","reason":"fire drill"}',
    'POST /api/v1/agent-tokens/preview {"kind":"cluster","answersChallenge":false}',
    'POST /api/v1/session/reauthenticate {"password":"pass word"}',
    'POST /api/v1/agent-tokens {"kind":"cluster","reason":"fire drill"}',
  ]);
  const keys = seen.map(({ headers }) => headers["idempotency-key"]);
  expect(keys).toEqual([keys[0], undefined, undefined, keys[0]]);

  fresh = false;
  // Whom it would reach is told before the password is asked for.
  const asked = await run(args);
  expect(asked).toMatchObject({ code: 2, err: expect.stringContaining("no terminal to ask") });
  expect(asked.err).toMatch(/^Would reach 1 of 3 Windows agents\.\n {2}2 have acknowledged no key/);
  fresh = false;
  expect(await run(args, withKey)).toMatchObject({
    code: 3,
    err: expect.stringContaining("reauthentication_required"),
  });
});

const generated = {
  id: "019a0000-0000-7000-8000-000000000001",
  kind: "cluster",
  token: "e30.e30.AA",
  issuedAt: "2026-11-24T08:29:00.000Z",
  expiresAt: "2026-11-24T08:44:00.000Z",
  coverage: { agents: 3, reached: 1, notReached: [{ reason: "key_not_acknowledged", count: 2 }] },
};

test("tells whom a token reaches and why not the others, and what to run, without the token in it", async () => {
  answer = (_, response) => sendJson(response, 201, generated);
  const { out, err } = await run(["token", "generate", "--cluster", "--reason", "fire drill"], withKey);
  expect(out).toBe("e30.e30.AA\n");
  expect(err).not.toContain(generated.token);
  expect(err.split("\n")).toEqual([
    "Agent token for the whole cluster.",
    expect.stringMatching(/^Good until .* \(2026-11-24T08:44:00Z, in 14 min 59 s\)\.$/),
    "Reaches 1 of 3 Windows agents.",
    "  2 have acknowledged no key of the cluster yet",
    "On the workload, as an administrator:",
    '  "C:\\Program Files\\Postern\\PosternAgent.exe" -unprotect <token>',
    "",
  ]);
});

test("generates no token that it could not keep, and keeps no file when there is no token", async () => {
  const args = ["token", "generate", "--cluster", "--reason", "fire drill", "--out"];
  expect(await run([...args, join(home, "no/such/folder")], withKey)).toMatchObject({ code: 2, out: "" });
  expect(seen).toEqual([]);
  answer = (_, response) => sendProblem(response, "permission_missing");
  expect(await run([...args, join(home, "token.txt")], withKey)).toMatchObject({ code: 3, out: "" });
  expect(readdirSync(home)).toEqual([]);
});

test("follows no redirect: credentials go to the address that was given", async () => {
  answer = (_, response) => response.writeHead(307, { location: `${url}/elsewhere` }).end();
  const { code, err } = await run(["tenant", "list"], withKey);
  expect(code).toBe(4);
  expect(err).toContain(`${url} answered 307`);
  expect(seen).toHaveLength(1);
});

test("ends with 4 and the address when nothing listens there, or something that is no cluster", async () => {
  const nobody = await run(["tenant", "list"], { ...withKey, POSTERN_URL: "http://127.0.0.1:1" });
  expect(nobody.code).toBe(4);
  expect(nobody.err).toMatch(/^postern: No answer from http:\/\/127\.0\.0\.1:1: .*\n.*POSTERN_URL/);

  answer = (_, response) => response.writeHead(502, { "content-type": "text/html" }).end("<h1>Bad gateway</h1>");
  expect(await run(["tenant", "list"], withKey)).toMatchObject({
    code: 4,
    err: expect.stringContaining(`${url} answered 502 with text/html`),
  });
  answer = (_, response) => response.writeHead(200, { "content-type": "application/json" }).end('{"items":[');
  expect(await run(["tenant", "list"], withKey)).toMatchObject({ code: 4, out: "" });
});

test("a refusal shows title, detail, code, each fault and what to do next, and ends with 3", async () => {
  answer = (_, response) => {
    const errors = [{ pointer: "/name", code: "pattern", detail: "It must be visible." }];
    sendJson(response, 400, toProblemBody(new Problem("validation_failed", undefined, { errors }), "r-1"));
  };
  const { code, err, out } = await run(["tenant", "create", "x"], withKey);
  expect({ code, out }).toEqual({ code: 3, out: "" });
  expect(err.split("\n")).toEqual([
    "postern: The request does not fit the API (validation_failed)",
    "  /name: It must be visible.",
    expect.stringMatching(/--help/),
    "",
  ]);
});

test("what the cluster says cannot drive the terminal", async () => {
  answer = (_, response) => sendProblem(response, "not_found", "\u001b]0;owned\u0007.");
  const { err } = await run(["tenant", "create", "x"], withKey);
  expect(err).not.toContain("\u001b");
  expect(err).toContain("\\u001b]0;owned");
});

test.each(Object.keys(problems) as ProblemCode[])("says what to do next after %s", (code) => {
  const refused = new ApiRefused(toProblemBody(new Problem(code), "r-1"));
  expect(refused.more.at(-1)).toMatch(/^[A-Z].*\.$/s);
});

test("reads a list page by page, up to the limit, and says when there is more", async () => {
  answer = (request, response) => {
    const query = new URL(request.url, url).searchParams;
    const start = Number(query.get("cursor") ?? 0);
    const items = Array.from({ length: Number(query.get("limit")) }, (_, index) => tenant(`t${start + index}`));
    sendJson(response, 200, { items, nextCursor: String(start + items.length) });
  };
  const { code, out, err } = await run(["tenant", "list", "--limit", "700", "--json"], withKey);
  expect(code).toBe(0);
  expect((JSON.parse(out) as unknown[]).length).toBe(700);
  expect(seen.map((request) => request.url)).toEqual([
    "/api/v1/tenants?limit=500",
    "/api/v1/tenants?limit=200&cursor=500",
  ]);
  expect(err).toContain("more than 700");
});

function tenant(name: string, id = "019a0000-0000-7000-8000-000000000001") {
  return { id, name, createdAt: "2026-11-24T08:00:00.000Z", changedAt: "2026-11-24T08:00:00.000Z" };
}

test("a name is one thing or none: similar names are shown, and none is taken for the one meant", async () => {
  answer = (_, response) => sendJson(response, 200, { items: [tenant("acme-north")], nextCursor: null });
  const { code, err } = await run(["tenant", "show", "acme"], withKey);
  expect(code).toBe(2);
  expect(err).toContain('There is no tenant called "acme"');
  expect(err).toContain("acme-north");
});

test("an ambiguous host name ends with 2 and the candidates", async () => {
  const ids = ["019a0000-0000-7000-8000-00000000000a", "019a0000-0000-7000-8000-00000000000b"];
  answer = (_, response) => {
    const items = ids.map((id) => ({
      ...tenant("", id),
      hostName: "WS-1",
      platform: "windows",
      seenAt: "2026-11-24T08:00:00.000Z",
      tenantId: id,
    }));
    sendJson(response, 200, { items, nextCursor: null });
  };
  const { code, err, out } = await run(["agent", "show", "ws-1"], withKey);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  for (const id of ids) expect(err).toContain(`  ${id}  WS-1  windows, last seen 2026-11-24T08:00:00Z`);
});

test.each([
  { args: ["tennant", "list"], says: /unknown command 'tennant'/ },
  { args: ["tenant", "list", "--limit", "0"], says: /whole number/ },
  { args: ["tenant", "list", "--nope"], says: /unknown option '--nope'/ },
  { args: ["tenant", "show"], says: /missing required argument 'tenant'/ },
  { args: ["tenant", "show", "a", "b"], says: /too many arguments/ },
  { args: ["audit", "list", "--since", "yesterday"], says: /Give a time like/ },
  { args: ["profile", "set", "Default", "--service-protection", "yes"], says: /Give on or off/ },
  { args: ["profile", "set", "Default"], says: /Nothing to change/ },
  { args: ["token", "generate", "--reason", "fire drill"], says: /one of --agent, --tenant and --cluster/ },
  { args: ["token", "generate", "--reason", "x", "--cluster", "--agent", "a"], says: /one of --agent/ },
  { args: ["token", "generate", "--cluster"], says: /required option '--reason/ },
  { args: ["token", "generate", "--reason", "x", "--agent", "a", "--challenge", "AAAA-BBBB"], says: /mistyped/ },
  { args: ["api-key", "create", "x"], says: /--role/ },
  { args: ["user", "grant", "alice", "site_admin@acme"], says: /ROLE@TENANT/ },
  { args: ["key", "rotate", "root", "--reason", "a drill"], says: /Give token, config or audit/ },
  { args: ["key", "rotate", "token"], says: /required option '--reason/ },
  { args: ["login", "alice"], says: /no terminal to ask for the password/ },
  { args: ["login", "--url", "http://postern.example.com", "alice"], says: /Plain HTTP/ },
])("$args is wrong usage, and says why", async ({ args, says }) => {
  const { code, err, out } = await run(args, withKey);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toMatch(says);
  expect(seen).toEqual([]);
});

test("every command has a description, and its own help ends in examples that are commands", () => {
  const program = new Command("postern");
  addOperatorCommands(program, {} as Terminal);
  const leaves = leavesOf(program);
  expect(leaves.length).toBeGreaterThan(15);
  for (const leaf of leaves) {
    let help = "";
    leaf.configureOutput({
      writeOut: (text) => {
        help += text;
      },
    });
    leaf.outputHelp();
    expect.soft(leaf.description(), leaf.name()).toMatch(/^[A-Z].*\.$/s);
    expect.soft(help, leaf.name()).toMatch(new RegExp(`Examples:\\n  postern ${pathOf(leaf)}`));
  }
});

test("every command that lists, shows or verifies prints JSON on request", () => {
  const program = new Command("postern");
  addOperatorCommands(program, {} as Terminal);
  const reads = leavesOf(program).filter((leaf) => /^(list|show|verify|journal)$/.test(leaf.name()));
  for (const leaf of reads)
    expect
      .soft(
        leaf.options.map(({ long }) => long),
        pathOf(leaf),
      )
      .toContain("--json");
});

function leavesOf(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap((child) => leavesOf(child));
}

function pathOf(command: Command): string {
  return command.parent?.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}
