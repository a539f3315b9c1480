import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openShell, type ScriptShell } from "./command-script.ts";
import { type RunningCluster, startCluster } from "./running-cluster.ts";

// Made for these tests, for 127.0.0.1 only.
const certFile = join(import.meta.dirname, "loopback-tls/cert.pem");
const keyFile = join(import.meta.dirname, "loopback-tls/key.pem");

let cluster: RunningCluster;
let shell: ScriptShell;
beforeAll(async () => {
  cluster = await startCluster({ tls: { certFile, keyFile } });
  shell = await openShell(cluster, "operator");
});
afterAll(() => cluster.remove());

test("the command line keeps the cookie that is bound to its host, and changes things with it", async () => {
  const trusting = `export NODE_EXTRA_CA_CERTS=${certFile};`;
  expect(await shell.run(`${trusting} postern login --password-stdin admin < admin-password`)).toBe(
    `Logged in at ${cluster.url} as admin.`,
  );
  expect(await shell.run("grep -o '__Host-pst=' .config/postern/session.json")).toBe("__Host-pst=");
  expect(await shell.run(`${trusting} postern tenant create acme`)).toContain("Made the tenant acme.");
  expect(await shell.run(`${trusting} postern tenant list`)).toContain("acme");
});

test("an authority in the machine's own store will do", async () => {
  const output = await shell.run(`SSL_CERT_FILE=${certFile} postern login --password-stdin admin < admin-password`);
  expect(output).toBe(`Logged in at ${cluster.url} as admin.`);
});

test("a certificate that nobody vouches for ends the command before anything is sent", async () => {
  const output = await shell.run("postern login --password-stdin admin < admin-password");
  expect(output).toContain(`No answer from ${cluster.url}: its certificate is not trusted; name its authority`);
  expect(output).toMatch(/\[4\]$/);
});

test("plain HTTP to the port of a cluster with TLS is no answer of a cluster", async () => {
  const plain = cluster.url.replace("https:", "http:");
  const output = await shell.run(`POSTERN_URL=${plain} postern login --password-stdin admin < admin-password`);
  expect(output).toMatch(/\[4\]$/);
});
