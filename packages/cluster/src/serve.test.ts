import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadConfig } from "./config/config.ts";
import { startCluster } from "./serve.ts";
import { logInAsAdmin, startTestCluster } from "./test-cluster.fixture.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-serve-"));
});

afterEach(() => rmSync(directory, { recursive: true }));

function start(env: Record<string, string> = {}) {
  const config = loadConfig({
    flags: {},
    env: { POSTERN_DATA: join(directory, "data"), POSTERN_LISTEN: "127.0.0.1:0", ...env },
    file: null,
  });
  return startCluster({
    config,
    clock: { now: () => Date.now() },
    randomBytes,
    cost: { memoryKiB: 64, passes: 1, lanes: 1 },
    version: "0.0.0",
    log: { level: "silent", stream: { write: () => {} } },
    onDeath: () => {},
  });
}

test("the first start makes the cluster and tells the password; the next one finds it", async () => {
  const first = await start();
  expect(first.initialised).toMatchObject({ adminPassword: expect.stringMatching(/^[\w-]{24}$/) });
  expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
  const jwks = await (await fetch(`${first.url}/.well-known/jwks.json`)).json();
  await first.close();
  const second = await start();
  expect(second.initialised).toBeNull();
  expect(await (await fetch(`${second.url}/.well-known/jwks.json`)).json()).toEqual(jwks);
  await second.close();
});

test("a second cluster on the same data is told so, and leaves the first alone", async () => {
  const first = await start();
  await expect(start()).rejects.toThrow("in use by another Postern process");
  expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
  await first.close();
});

test("a start that fails lets go of the data directory", async () => {
  const other = await start({ POSTERN_DATA: join(directory, "other") });
  const { port } = new URL(other.url);
  await expect(start({ POSTERN_LISTEN: `127.0.0.1:${port}` })).rejects.toThrow(/listens on 127.0.0.1:\d+ already/);
  await (await start()).close();
  await other.close();
});

test("a connection on which nothing was asked does not hold up the end", async () => {
  const cluster = await start();
  const { hostname, port } = new URL(cluster.url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  await fetch(`${cluster.url}/healthz`); // by then the cluster has taken the connection, too
  const ended = once(socket, "close");
  await cluster.close();
  await ended;
});

test.each([
  {
    env: { POSTERN_ADMIN_PASSWORD_FILE: "/nowhere" },
    message: /POSTERN_ADMIN_PASSWORD_FILE names \/nowhere, which cannot be read/,
  },
  {
    env: { POSTERN_ADMIN_PASSWORD_FILE: "short" },
    message: /POSTERN_ADMIN_PASSWORD_FILE names .*15 characters or more/,
  },
  {
    env: { POSTERN_KEY_PASSPHRASE_FILE: "empty" },
    message: /POSTERN_KEY_PASSPHRASE_FILE names .* first line is empty/,
  },
  { env: { POSTERN_TLS_CERT: "/nowhere", POSTERN_TLS_KEY: "/nowhere" }, message: /POSTERN_TLS_CERT names/ },
  { env: { POSTERN_TLS_CERT: "pem", POSTERN_TLS_KEY: "pem" }, message: /do not fit together/ },
  { env: { POSTERN_DATA: "/proc/nowhere" }, message: /data directory \/proc\/nowhere cannot be made/ },
  { env: { POSTERN_LISTEN: "192.0.2.1:0", POSTERN_TRUSTED_PROXIES: "192.0.2.2" }, message: /no address 192.0.2.1/ },
])("$env is answered with a sentence", async ({ env, message }) => {
  writeFileSync(join(directory, "short"), "short\n");
  writeFileSync(join(directory, "empty"), "\n");
  writeFileSync(join(directory, "pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  const given = Object.fromEntries(
    Object.entries(env).map(([name, value]) => [
      name,
      /^(short|empty|pem)$/.test(value) ? join(directory, value) : value,
    ]),
  );
  await expect(start(given)).rejects.toThrow(message);
});

test("every operation of the document names its access, and every error's form", async () => {
  const cluster = await startTestCluster();
  const response = await fetch(`${cluster.url}/api/docs/openapi.json`);
  // biome-ignore lint/suspicious/noExplicitAny: the test looks into a document of many shapes
  const document = (await response.json()) as any;
  expect(document.openapi).toBe("3.1.0");
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods as object).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
  );
  expect(operations.length).toBeGreaterThan(20);
  for (const { name, operation } of operations) {
    expect(operation["x-postern-access"], name).toEqual({ permission: expect.any(String), scope: expect.any(String) });
    expect(operation.responses.default.content, name).toHaveProperty("application/problem+json");
  }
  await cluster.close();
});

test("what was stored is there after a restart, and a session lives on", async () => {
  const cluster = await startTestCluster();
  const admin = await logInAsAdmin(cluster);
  const tenant = (await admin.send("POST", "/tenants", { name: "Lasting" })).json;
  await cluster.restart();
  expect((await admin.send("GET", `/tenants/${tenant.id}`, undefined)).json).toEqual(tenant);
  await cluster.close();
});
