import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createConsoleFiles } from "./console-files.ts";
import { createServer, type Server } from "./server.ts";

const directory = mkdtempSync(join(tmpdir(), "postern-console-"));
let app: Server;

beforeAll(async () => {
  mkdirSync(join(directory, "assets"));
  writeFileSync(join(directory, "index.html"), '<meta nonce="__CSP_NONCE__"><script src="/assets/a-1.js"></script>');
  writeFileSync(join(directory, "assets/a-1.js"), "plain");
  writeFileSync(join(directory, "assets/a-1.js.gz"), "packed");
  writeFileSync(join(directory, "secret.txt"), "not for browsers");
  app = await createServer({
    authorize: async (_request, { scope }) => {
      if (scope !== "public") throw new Error("the console is open to everybody");
      return {
        who: { kind: "nobody", id: null, name: "" },
        reach: () => "everywhere",
        requireTenant: () => undefined,
        narrowed: false,
      };
    },
    newId: () => "0",
    trustedProxies: [],
    now: () => 0,
    log: { level: "fatal", stream: { write: () => undefined } },
    version: "0.0.0",
    console: createConsoleFiles({ directory, randomBytes }),
  });
  await app.ready();
});
afterAll(async () => {
  await app.close();
  rmSync(directory, { recursive: true });
});

const asBrowser = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
const get = (url: string, headers: Record<string, string> = asBrowser) => app.inject({ method: "GET", url, headers });

test.each(["/", "/manage/workloads/agents", "/keys?use=token"])(
  "%s is the console's page, and is not kept",
  async (url) => {
    const answer = await get(url);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(answer.headers["cache-control"]).toBe("no-store");
    expect(answer.headers["x-content-type-options"]).toBe("nosniff");
    expect(answer.headers["cross-origin-opener-policy"]).toBe("same-origin");
  },
);

test("the page runs no script but files of its own origin, and each answer has a nonce of its own for styles", async () => {
  const [one, other] = [await get("/"), await get("/")];
  const policy = String(one.headers["content-security-policy"]);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self';");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain("unsafe");
  const nonce = /'nonce-([^']+)'/.exec(policy)?.[1];
  expect(one.body).toContain(`nonce="${nonce}"`);
  expect(other.headers["content-security-policy"]).not.toBe(policy);
});

test.each(["/api/v1/nothing", "/agent/v1/nothing", "/.well-known/nothing", "/assets/gone.js", "/healthz/x"])(
  "%s is not the page, for a browser neither",
  async (url) => {
    const answer = await get(url);
    expect([answer.statusCode, answer.json().code]).toEqual([404, "not_found"]);
  },
);

test("a program that asks for nothing in particular gets a problem, not a page", async () => {
  const answer = await get("/", { accept: "*/*" });
  expect([answer.statusCode, answer.json().code]).toEqual([404, "not_found"]);
  const posted = await app.inject({ method: "POST", url: "/", headers: asBrowser });
  expect(posted.statusCode).toBe(404);
});

test("hashed files may be kept for good, and are sent packed to those who take that", async () => {
  const plain = await get("/assets/a-1.js", {});
  expect(plain.body).toBe("plain");
  expect(plain.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
  expect(plain.headers["content-type"]).toMatch(/^(text|application)\/javascript/);
  const packed = await get("/assets/a-1.js", { "accept-encoding": "gzip" });
  expect([packed.body, packed.headers["content-encoding"]]).toEqual(["packed", "gzip"]);
});

test.each([
  "/assets/../secret.txt",
  "/assets/%2e%2e/secret.txt",
  "/assets/..%2fsecret.txt",
  "/assets/%2e%2e%2fsecret.txt",
])("%s leads out of the assets, and to nothing", async (url) => {
  const answer = await get(url, {});
  expect(answer.statusCode).toBeGreaterThanOrEqual(400);
  expect(answer.body).not.toContain("not for browsers");
});

test("without a built console the page says how to build it", async () => {
  rmSync(join(directory, "index.html"));
  const answer = await get("/");
  expect(answer.statusCode).toBe(503);
  expect(answer.body).toContain("npm run build:console");
});
