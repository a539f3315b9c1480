import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { enrol } from "./check-in/fake-agent.fixture.ts";
import { type Config, loadConfig } from "./config/config.ts";
import { examine } from "./doctor.ts";
import { type Finding, worstOf } from "./doctor-check.ts";
import { checkCertificate } from "./doctor-machine.ts";
import { logInAsAdmin, startTestCluster, type TestCluster } from "./test-cluster.fixture.ts";
import { engine } from "./test-database.fixture.ts";

const day = 24 * 60 * 60_000;
let cluster: TestCluster;
let config: Config;

beforeEach(async () => {
  cluster = await startTestCluster();
  config = loadConfig({
    flags: {},
    env: { POSTERN_DATA: cluster.directory, DATABASE_URL: cluster.database.url ?? undefined },
    file: null,
  });
});

afterEach(() => cluster.close());

async function findings(of: Config = config, aheadMs = 0): Promise<Finding[]> {
  const clock = { now: () => Date.now() + aheadMs };
  return examine({ config: of, clock, randomBytes, ownUser: process.getuid?.() ?? null });
}

async function found(check: string, aheadMs = 0): Promise<Finding | undefined> {
  const all = (await findings(config, aheadMs)).filter((finding) => finding.check === check);
  return all.find(({ state }) => state !== "ok") ?? all[0];
}

const change = (statement: string) => cluster.database.query(statement);

describe("of a cluster that runs", () => {
  test("nothing is wrong but the second root key, which waits to be carried away", async () => {
    await expect.poll(async () => (await found("checkpoints"))?.state).toBe("ok");
    const all = await findings();
    expect(all.filter(({ state }) => state !== "ok").map(({ check }) => check)).toEqual(["second root key"]);
    expect(all.find(({ check }) => check === "database")?.found).toMatch(
      engine === "sqlite" ? /postern\.db answers.* A node works on it\.$/ : /answers, and its schema is up to date\.$/,
    );
    rmSync(join(cluster.directory, "second-root-key.json"));
    expect(worstOf(await findings())).toBe("ok");
  });

  test("every finding says what to do next, or that there is nothing", async () => {
    for (const { state, found: text, next } of await findings(config, 400 * day)) {
      expect(text).toMatch(/^[A-Z0-9/].*\.$/s);
      if (state === "ok") expect(next).toBeNull();
      else expect(next).toMatch(/^[A-Z].*[^.]*$/s);
    }
  });

  test("nothing is changed, and the cluster goes on", async () => {
    const before = await change("select count(*) as n from audit_entry");
    await findings();
    expect(await change("select count(*) as n from audit_entry")).toEqual(before);
    expect((await logInAsAdmin(cluster)).send).toBeTypeOf("function");
  });
});

describe("what is wrong shows", () => {
  test("a file that others may read", async () => {
    chmodSync(join(cluster.directory, "keys"), 0o755);
    expect(await found("data directory")).toMatchObject({ state: "problem", next: expect.stringContaining("chmod") });
  });

  test("a key file that is gone", async () => {
    renameSync(join(cluster.directory, "keys/store.key"), join(cluster.directory, "keys/elsewhere"));
    expect(await found("key store")).toMatchObject({ state: "problem", found: expect.stringContaining("is gone") });
  });

  test("keys that are gone, and they are not made anew", async () => {
    const keys = join(cluster.directory, "keys");
    renameSync(keys, join(cluster.directory, "moved"));
    expect(await found("key store")).toMatchObject({ state: "problem" });
    expect(existsSync(keys)).toBe(false);
  });

  test("a signing key that is gone", async () => {
    const [{ kid } = {}] = await change("select kid from signing_key where use = 'token'");
    rmSync(join(cluster.directory, `keys/${kid}.json`));
    expect(await found("signing keys")).toMatchObject({
      state: "problem",
      found: expect.stringContaining(String(kid)),
    });
  });

  test("an end of the audit log that was cut, or changed", async () => {
    await change("delete from audit_entry where chain = 'cluster' and seq = (select max(seq) from audit_entry)");
    expect(await found("audit log")).toMatchObject({ state: "problem", next: expect.stringContaining("audit verify") });
  });

  test("entries that no checkpoint has signed for a while", async () => {
    await expect.poll(async () => (await found("checkpoints"))?.state).toBe("ok");
    await logInAsAdmin(cluster);
    expect(await found("checkpoints", 10 * 60_000)).toMatchObject({ state: "problem" });
  });

  test("a clock that went back", async () => {
    expect(await found("clock", -day)).toMatchObject({ state: "problem", next: expect.stringContaining("NTP") });
  });

  test("a lease of a node whose clock was ahead", async () => {
    await change(`insert into lease (name, holder, until_at) values ('thing', 'x', ${Date.now() + day})`);
    expect(await found("leases")).toMatchObject({ state: "problem", found: expect.stringContaining("thing") });
  });

  test("API keys that end, activation keys that ended unused, agents that are silent", async () => {
    const admin = await logInAsAdmin(cluster);
    await admin.send("POST", "/api-keys", { name: "nightly", roles: [{ role: "auditor", tenantId: null }] });
    const { id: tenantId } = (await admin.send("POST", "/tenants", { name: "Acme" })).json;
    const { key } = (await admin.send("POST", "/activation-keys", { tenantId, maxUses: 2 })).json;
    await enrol(cluster.url, key);
    expect(await found("API keys")).toMatchObject({ state: "ok" });
    expect(await found("API keys", 80 * day)).toMatchObject({
      state: "warning",
      found: expect.stringMatching(/^nightly ends/),
    });
    expect(await found("API keys", 100 * day)).toMatchObject({
      state: "warning",
      found: expect.stringContaining("have ended"),
    });
    expect(await found("activation keys", 8 * day)).toMatchObject({ state: "warning" });
    expect(await found("agents")).toMatchObject({ state: "ok" });
    expect(await found("agents", day)).toMatchObject({ state: "warning", found: "1 is silent." });
  });

  test("connected agents that have an older trust bundle", async () => {
    const admin = await logInAsAdmin(cluster);
    const { id: tenantId } = (await admin.send("POST", "/tenants", { name: "Acme" })).json;
    const { key } = (await admin.send("POST", "/activation-keys", { tenantId })).json;
    await enrol(cluster.url, key);
    await change(`update presence set due_at = ${Date.now() + 10 * day}`);
    expect(await found("trust bundle")).toMatchObject({ state: "ok" });
    expect(await found("trust bundle", 2 * 60 * 60_000)).toMatchObject({ state: "warning" });
  });

  test("a schema that is behind", async () => {
    await change("delete from migration where name = 'alarms-1'");
    expect(await found("database")).toMatchObject({
      state: "warning",
      next: expect.stringContaining("postern migrate"),
    });
  });

  test("a data directory that is not there", async () => {
    const nowhere = { ...config, dataDirectory: join(cluster.directory, "nowhere"), database: null };
    const all = await findings(nowhere);
    expect(all.filter(({ state }) => state === "problem").map(({ check }) => check)).toEqual(
      expect.arrayContaining(["data directory", "key store", "database"]),
    );
    expect(existsSync(nowhere.dataDirectory)).toBe(false);
  });
});

describe("a certificate", () => {
  const folder = join(import.meta.dirname, "../test/loopback-tls");
  const tls = { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
  const at = (publicUrl: string, now: number) => checkCertificate({ ...config, tls, publicUrl }, now);
  const ends = Date.parse("2126-01-01");

  test("is good for its own address", () => {
    expect(at("https://127.0.0.1:7480", Date.now())).toMatchObject([{ state: "ok" }]);
  });
  test("is for another address than people come by", () => {
    expect(at("https://postern.example.com", Date.now())).toMatchObject([{ state: "problem" }]);
  });
  test("has ended", () => {
    expect(at("https://127.0.0.1", ends + 200 * 365 * day)).toMatchObject([{ state: "problem" }]);
  });
  test("is not one", () => {
    expect(checkCertificate({ ...config, tls: { certFile: "/etc/hostname", keyFile: "/x" } }, 0)).toMatchObject([
      { state: "problem", next: "Check both paths." },
    ]);
  });
});
