import { afterAll, beforeAll, expect, test } from "vitest";
import { enrol } from "../check-in/fake-agent.fixture.ts";
import { makeActivationKey, makeTenant, type TestTenant } from "../check-in/scene.fixture.ts";
import { type Caller, logInAsAdmin, makeUser, startTestCluster, type TestCluster } from "../test-cluster.fixture.ts";

let cluster: TestCluster;
let admin: Caller;
let acme: TestTenant;

beforeAll(async () => {
  cluster = await startTestCluster({ timing: { holdMs: 40_000, pollMs: 0 } });
  admin = await logInAsAdmin(cluster);
  acme = await makeTenant(admin, "Acme");
});

afterAll(() => cluster.close());

async function newProfile(name: string, serviceProtection: object = {}): Promise<string> {
  return (await admin.send("POST", "/profiles", { tenantId: acme.id, name, serviceProtection })).json.id;
}

function patch(id: string, serviceProtection: object) {
  return admin.send("PATCH", `/profiles/${id}`, { serviceProtection });
}

test("each change is a version with its author and what differs; a change that changes nothing is none", async () => {
  const id = await newProfile("Versioned");
  const owner = await makeUser(cluster, admin, "owner", [{ role: "tenant_owner", tenantId: acme.id }]);
  await owner.send("PATCH", `/profiles/${id}`, { name: "Renamed", serviceProtection: { on: true } });
  await patch(id, { on: true });
  await patch(id, { liftSeconds: 60 });
  const { json } = await admin.send("GET", `/profiles/${id}/versions`);
  expect(json.items).toMatchObject([
    { version: 3, madeBy: { name: "admin" }, changes: { "serviceProtection.liftSeconds": { from: 14_400, to: 60 } } },
    {
      version: 2,
      name: "Renamed",
      madeBy: { id: owner.id, name: "owner" },
      changes: { name: { from: "Versioned", to: "Renamed" }, "serviceProtection.on": { from: false, to: true } },
    },
    { version: 1, name: "Versioned", changes: {}, rollbackOf: null },
  ]);
  // The difference does not depend on where a page ends.
  const first = await admin.send("GET", `/profiles/${id}/versions?limit=1`);
  const second = await admin.send("GET", `/profiles/${id}/versions?limit=1&cursor=${first.json.nextCursor}`);
  expect([...first.json.items, ...second.json.items]).toEqual(json.items.slice(0, 2));
  const rising = await admin.send("GET", `/profiles/${id}/versions?sort=version`);
  expect(rising.json.items).toEqual([...json.items].reverse());
});

test("the profile Default is version 1 of the cluster's own making", async () => {
  const { json } = await admin.send("GET", `/profiles/${acme.profileId}/versions`);
  expect(json.items).toMatchObject([{ version: 1, name: "Default", madeBy: { id: null, name: "cluster" } }]);
});

test("a rollback puts settings back as a new version, keeps the name, and reaches a held agent at once", async () => {
  const id = await newProfile("Rolled", { on: true, liftSeconds: 60 });
  await admin.send("POST", "/intents", { tenantId: acme.id, name: "rolled", profileId: id });
  const agent = await enrol(cluster.url, await makeActivationKey(admin, acme.id));
  expect(agent.applied.cfg.serviceProtection.on).toBe(true);
  await admin.send("PATCH", `/profiles/${id}`, { name: "Rolled on", serviceProtection: { on: false } });
  await agent.checkIn();
  const held = agent.checkIn();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const rolled = await admin.send("POST", `/profiles/${id}/rollback`, { version: 1 });
  expect(rolled.json).toMatchObject({ name: "Rolled on", serviceProtection: { on: true, liftSeconds: 60 } });
  expect((await held).config?.cfg.serviceProtection.on).toBe(true);
  const { json } = await admin.send("GET", `/profiles/${id}/versions`);
  expect(json.items[0]).toMatchObject({ version: 3, rollbackOf: 1, madeBy: { name: "admin" } });
  const audited = await admin.send("GET", `/audit?tenantId=${acme.id}&action=profile.rollback`);
  expect(audited.json.items).toMatchObject([
    { target: { id }, details: { version: 1, "serviceProtection.on": { from: false, to: true } } },
  ]);
});

test("versions, difference and rollback know every setting", async () => {
  const id = await newProfile("Full");
  const settings = {
    serviceProtection: { services: ["Sysmon64"] },
    checkIn: { holdMs: 0, afterMs: 60_000 },
    desiredVersion: "2.0.0",
    cleanUpAfterDays: 90,
  };
  await admin.send("PATCH", `/profiles/${id}`, settings);
  await admin.send("POST", `/profiles/${id}/rollback`, { version: 1 });
  const changes = {
    "serviceProtection.services": { from: [], to: ["Sysmon64"] },
    "checkIn.holdMs": { from: null, to: 0 },
    "checkIn.afterMs": { from: null, to: 60_000 },
    desiredVersion: { from: null, to: "2.0.0" },
    cleanUpAfterDays: { from: null, to: 90 },
  };
  const back = Object.entries(changes).map(([member, { from, to }]) => [member, { from: to, to: from }]);
  const { json } = await admin.send("GET", `/profiles/${id}/versions`);
  expect(json.items).toMatchObject([
    { version: 3, rollbackOf: 1, changes: Object.fromEntries(back), desiredVersion: null },
    { version: 2, changes, ...settings },
    { version: 1, changes: {} },
  ]);
  expect(Object.keys(json.items[1].changes)).toHaveLength(5);
});

test("a rollback to what is there makes no version; one to a version that never was, or on an older state, is refused", async () => {
  const id = await newProfile("Still");
  const before = await admin.send("GET", `/profiles/${id}`);
  expect((await admin.send("POST", `/profiles/${id}/rollback`, { version: 1 })).json).toEqual(before.json);
  expect((await admin.send("POST", `/profiles/${id}/rollback`, { version: 2 })).json).toMatchObject({ status: 404 });
  await patch(id, { on: true });
  const late = { "if-match": before.headers.get("etag") ?? "" };
  const refused = await admin.send("POST", `/profiles/${id}/rollback`, { version: 1 }, late);
  expect(refused.json).toMatchObject({ status: 412, code: "precondition_failed" });
  expect((await admin.send("GET", `/profiles/${id}/versions`)).json.items).toHaveLength(2);
});

test("who may only read profiles may not roll back", async () => {
  const id = await newProfile("Read only");
  const auditor = await makeUser(cluster, admin, "auditor", [{ role: "auditor", tenantId: acme.id }]);
  expect((await auditor.send("GET", `/profiles/${id}/versions`)).status).toBe(200);
  expect((await auditor.send("POST", `/profiles/${id}/rollback`, { version: 1 })).status).toBe(403);
});

test("the preview counts the Windows agents that would gain or lose protection", async () => {
  const tenant = await makeTenant(admin, "Preview");
  const key = await makeActivationKey(admin, tenant.id);
  for (const platform of ["windows", "windows", "linux"] as const) await enrol(cluster.url, key, { platform });
  const preview = (serviceProtection: object) =>
    admin.send("POST", `/profiles/${tenant.profileId}/preview`, { serviceProtection });
  expect((await preview({ on: true })).json).toEqual({ agents: 2, gains: 2, loses: 0 });
  expect((await preview({ liftSeconds: 9 })).json).toEqual({ agents: 2, gains: 0, loses: 0 });
  await admin.send("PATCH", `/profiles/${tenant.profileId}`, { serviceProtection: { on: true } });
  expect((await preview({ on: false })).json).toEqual({ agents: 2, gains: 0, loses: 2 });
  const { json } = await admin.send("GET", `/profiles/${tenant.profileId}`);
  expect(json.serviceProtection.on).toBe(true);
});

test("a profile is deleted with its versions", async () => {
  const id = await newProfile("Short");
  expect((await admin.send("DELETE", `/profiles/${id}`)).status).toBe(204);
  expect(await cluster.database.query(`select * from profile_version where profile_id = '${id}'`)).toEqual([]);
});
