import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CommandFailed } from "./cli/failure.ts";
import { runResetAdmin, tellingWhatToDo } from "./node-runs.ts";
import { adminPassword, logIn, logInAsAdmin, startTestCluster, type TestCluster } from "./test-cluster.fixture.ts";
import { engine } from "./test-database.fixture.ts";

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await startTestCluster();
});
afterEach(() => cluster.close());

/** Runs the command as somebody at the node, and gives what it printed. */
async function resetAdmin(name: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const printed: string[] = [];
  const terminal = {
    env: { POSTERN_DATA: cluster.directory, DATABASE_URL: cluster.database.url ?? undefined, ...env },
    stdin: process.stdin,
    print: (text: string) => void printed.push(text),
    say: () => undefined,
    now: cluster.now,
    randomUuid: () => crypto.randomUUID(),
  };
  const options = { terminal, clock: { now: cluster.now }, randomBytes, version: "0.0.0" };
  await tellingWhatToDo(() => runResetAdmin(options, name, {}));
  return printed.join("");
}

const passwordIn = (printed: string) => /the password ([\w-]{24}) \(shown this once\)/.exec(printed)?.[1] ?? "";

/** On SQLite no node may run meanwhile; on PostgreSQL the nodes go on, and follow at once. */
async function whileAllowed(work: () => Promise<void>): Promise<void> {
  await (engine === "sqlite" ? cluster.pause(work) : work());
}

test("who lost the password is let in again; the sessions of before end, the API keys are named", async () => {
  const before = await logInAsAdmin(cluster);
  const key = { name: "nightly", roles: [{ role: "auditor", tenantId: null }] };
  expect((await before.send("POST", "/api-keys", key)).status).toBe(201);
  let printed = "";
  await whileAllowed(async () => {
    printed = await resetAdmin("ADMIN");
  });
  expect(printed.replace(passwordIn(printed), "…").split("\n")).toEqual([
    "admin has the password … (shown this once). Change it after the log-in: postern passwd",
    "Sessions that were ended: 1.",
    "API keys that go on working: 1. If somebody else had the account, end them.",
    "It stands in the audit log.",
    "",
  ]);
  expect((await before.send("GET", "/session")).status).toBe(401);
  await expect(logIn(cluster, "admin", adminPassword)).rejects.toThrow("login_failed");
  const admin = await logIn(cluster, "admin", passwordIn(printed));
  const [entry] = (await admin.send("GET", "/audit?action=user.change")).json.items;
  expect(entry).toMatchObject({ who: { kind: "operator", name: expect.stringMatching(/^\S+ on \S+$/) } });
  expect(JSON.stringify(entry)).not.toContain(passwordIn(printed));
  expect((await admin.send("GET", "/audit/verification")).json.intact).toBe(true);
});

test("a user who may nothing becomes an enabled site administrator; one that is not there is made", async () => {
  const admin = await logInAsAdmin(cluster);
  const tenantId = (await admin.send("POST", "/tenants", { name: "Acme" })).json.id;
  const roles = [{ role: "auditor", tenantId }];
  const bob = (await admin.send("POST", "/users", { name: "Bob", password: "the old one of bob", roles })).json;
  await admin.send("PATCH", `/users/${bob.id}`, { disabled: true });
  const file = join(cluster.directory, "new-password");
  writeFileSync(file, "green rope under old bridges\n");
  await whileAllowed(async () => {
    expect(await resetAdmin("bob", { POSTERN_ADMIN_PASSWORD_FILE: file })).toBe(
      "Bob has the password of your file.\nBob was disabled, and is enabled again.\n" +
        "Bob was no site administrator, and is one now.\nIt stands in the audit log.\n",
    );
    const printed = await resetAdmin("rescue");
    expect(printed).toContain("There was no such user: rescue is new, and a site administrator.");
  });
  const chief = await logIn(cluster, "bob", "green rope under old bridges");
  const names = (await chief.send("GET", "/users")).json.items.map(({ name }: { name: string }) => name);
  expect(names.sort()).toEqual(["Bob", "admin", "rescue"]);
  const granted = (await chief.send("GET", "/audit?action=role.grant")).json.items;
  expect(granted.slice(0, 2).map(({ target }: { target: { name: string } }) => target.name)).toEqual(["rescue", "Bob"]);
});

test("what cannot be done is said, and changes nothing", async () => {
  const weak = join(cluster.directory, "weak");
  writeFileSync(weak, "password1234\n");
  await whileAllowed(async () => {
    await expect(resetAdmin("admin", { POSTERN_ADMIN_PASSWORD_FILE: weak })).rejects.toThrow(CommandFailed);
    await expect(resetAdmin(" \u202e")).rejects.toThrow("A name has 1 to 200 characters.");
  });
  await logIn(cluster, "admin", adminPassword);
  if (engine === "sqlite") await expect(resetAdmin("admin")).rejects.toThrow("in use by another Postern process");
  const nowhere = join(cluster.directory, "nowhere");
  const settings = { POSTERN_DATA: nowhere, DATABASE_URL: "" };
  await expect(resetAdmin("admin", settings)).rejects.toThrow(/^There is no cluster \(data in .*nowhere\)/);
});
