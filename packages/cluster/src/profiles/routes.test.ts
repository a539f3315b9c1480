import { afterAll, beforeAll, expect, test } from "vitest";
import { makeTenant, type TestTenant } from "../check-in/scene.fixture.ts";
import { type Caller, logInAsAdmin, makeUser, startTestCluster, type TestCluster } from "../test-cluster.fixture.ts";

let cluster: TestCluster;
let admin: Caller;
let acme: TestTenant;

beforeAll(async () => {
  cluster = await startTestCluster();
  admin = await logInAsAdmin(cluster);
  acme = await makeTenant(admin, "Acme");
});

afterAll(() => cluster.close());

test("a tenant is born with the profile Default, protection off", async () => {
  const { json } = await admin.send("GET", `/profiles?tenantId=${acme.id}`);
  expect(json.items).toEqual([
    {
      id: acme.profileId,
      tenantId: acme.id,
      name: "Default",
      isDefault: true,
      serviceProtection: { on: false, services: [], liftSeconds: 14_400, singleUse: false, requireChallenge: false },
      checkIn: { holdMs: null, afterMs: null },
      desiredVersion: null,
      cleanUpAfterDays: null,
      packageHere: null,
      createdAt: expect.any(String),
      changedAt: expect.any(String),
    },
  ]);
});

test("the profile Default can be changed, but neither deleted nor renamed", async () => {
  const path = `/profiles/${acme.profileId}`;
  expect((await admin.send("DELETE", path)).json).toMatchObject({ status: 409, code: "default_profile_fixed" });
  expect((await admin.send("PATCH", path, { name: "Other" })).json).toMatchObject({ code: "default_profile_fixed" });
  expect((await admin.send("PATCH", path, { serviceProtection: { singleUse: true } })).status).toBe(200);
});

test("a patch changes what it names and nothing else", async () => {
  const made = await admin.send("POST", "/profiles", {
    tenantId: acme.id,
    name: "Databases",
    serviceProtection: { on: true, liftSeconds: 600 },
  });
  expect(made.status).toBe(201);
  const patched = await admin.send("PATCH", `/profiles/${made.json.id}`, { serviceProtection: { liftSeconds: 60 } });
  expect(patched.json).toMatchObject({
    name: "Databases",
    serviceProtection: { on: true, liftSeconds: 60, singleUse: false, requireChallenge: false },
  });
  expect(patched.headers.get("etag")).not.toBe(made.headers.get("etag"));
  expect((await admin.send("DELETE", `/profiles/${made.json.id}`)).status).toBe(204);
  expect((await admin.send("GET", `/profiles/${made.json.id}`)).json).toMatchObject({ code: "not_found" });
});

const settings = {
  serviceProtection: {
    on: true,
    services: ["Sysmon64", "MSSQL$PAYROLL"],
    liftSeconds: 600,
    singleUse: true,
    requireChallenge: true,
  },
  checkIn: { holdMs: 20_000, afterMs: 1_000 },
  desiredVersion: "1.20.3",
  cleanUpAfterDays: 30,
};

test("every setting is kept as it was given, and null is the default again", async () => {
  const made = await admin.send("POST", "/profiles", { tenantId: acme.id, name: "Full", ...settings });
  expect(made.json).toMatchObject(settings);
  const path = `/profiles/${made.json.id}`;
  expect((await admin.send("GET", path)).json).toEqual(made.json);
  const patched = await admin.send("PATCH", path, {
    serviceProtection: { services: ["osqueryd"] },
    checkIn: { holdMs: null },
    desiredVersion: null,
  });
  expect(patched.json).toMatchObject({
    serviceProtection: { ...settings.serviceProtection, services: ["osqueryd"] },
    checkIn: { holdMs: null, afterMs: 1_000 },
    desiredVersion: null,
    cleanUpAfterDays: 30,
  });
});

test("a profile that was stored before there were these settings has their defaults", async () => {
  const made = await admin.send("POST", "/profiles", { tenantId: acme.id, name: "Old", ...settings });
  const old = JSON.stringify({
    serviceProtection: { on: true, liftSeconds: 600, singleUse: false, requireChallenge: false },
  });
  await cluster.database.query(`update profile set settings = '${old}' where id = '${made.json.id}'`);
  expect((await admin.send("GET", `/profiles/${made.json.id}`)).json).toMatchObject({
    serviceProtection: { on: true, services: [], liftSeconds: 600 },
    checkIn: { holdMs: null, afterMs: null },
    desiredVersion: null,
    cleanUpAfterDays: null,
  });
});

test("a patch may be sent under its own media type", async () => {
  const type = { "content-type": "application/merge-patch+json" };
  const body = { serviceProtection: { liftSeconds: 601 } };
  const patched = await admin.send("PATCH", `/profiles/${acme.profileId}`, body, type);
  expect(patched.json.serviceProtection.liftSeconds).toBe(601);
});

test("a patch without a change keeps the revision, and a change raises it although the clock went back", async () => {
  const made = await admin.send("POST", "/profiles", { tenantId: acme.id, name: "Clocked" });
  const same = await admin.send("PATCH", `/profiles/${made.json.id}`, { serviceProtection: { on: false } });
  expect(same.headers.get("etag")).toBe(made.headers.get("etag"));
  cluster.advance(-60_000);
  const changed = await admin.send("PATCH", `/profiles/${made.json.id}`, { serviceProtection: { on: true } });
  cluster.advance(60_000);
  expect(Date.parse(changed.json.changedAt)).toBeGreaterThan(Date.parse(made.json.changedAt));
});

test("a change made on an older state is refused", async () => {
  const made = await admin.send("POST", "/profiles", { tenantId: acme.id, name: "Contended" });
  const path = `/profiles/${made.json.id}`;
  const match = { "if-match": made.headers.get("etag") ?? "" };
  expect((await admin.send("PATCH", path, { serviceProtection: { on: true } }, match)).status).toBe(200);
  const late = await admin.send("PATCH", path, { serviceProtection: { on: false } }, match);
  expect(late.json).toMatchObject({ status: 412, code: "precondition_failed" });
  expect((await admin.send("DELETE", path, undefined, match)).json).toMatchObject({ code: "precondition_failed" });
  expect((await admin.send("GET", path)).json.serviceProtection.on).toBe(true);
});

test.each([
  [{ serviceProtection: { on: "yes" } }, "/serviceProtection/on"],
  [{ serviceProtection: { liftSeconds: 0 } }, "/serviceProtection/liftSeconds"],
  [{ serviceProtection: { liftSeconds: 86_401 } }, "/serviceProtection/liftSeconds"],
  [{ serviceProtection: null }, "/serviceProtection"],
  [{ serviceProtection: { services: ["a\\b"] } }, "/serviceProtection/services/0"],
  [{ serviceProtection: { services: ["Sysmon64", "SYSMON64"] } }, "/serviceProtection/services"],
  [{ serviceProtection: { services: Array.from({ length: 33 }, (_, n) => `s${n}`) } }, "/serviceProtection/services"],
  [{ checkIn: { holdMs: 50_001 } }, "/checkIn/holdMs"],
  [{ checkIn: { afterMs: 86_400_001 } }, "/checkIn/afterMs"],
  [{ checkIn: { holdMs: 0, afterMs: 999 } }, "/checkIn/afterMs"],
  [{ checkIn: { holdMs: 999 } }, "/checkIn/afterMs"],
  [{ desiredVersion: "latest" }, "/desiredVersion"],
  [{ cleanUpAfterDays: 0 }, "/cleanUpAfterDays"],
  [{ serviceProtection: { watch: true } }, "/serviceProtection/watch"],
  [{ name: "" }, "/name"],
  [{ isDefault: true }, "/isDefault"],
])("refuses %j and says where", async (body, pointer) => {
  const { json } = await admin.send("PATCH", `/profiles/${acme.profileId}`, body);
  expect(json).toMatchObject({ status: 400, code: "validation_failed" });
  expect(json.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
});

test("a name is taken whatever its case", async () => {
  const answer = await admin.send("POST", "/profiles", { tenantId: acme.id, name: "dEFAULT" });
  expect(answer.json).toMatchObject({ status: 409, code: "name_taken" });
});

test("another tenant's profile is not there, and not in lists", async () => {
  const other = await makeTenant(admin, "Umbrella");
  const owner = await makeUser(cluster, admin, "owner of umbrella", [{ role: "tenant_owner", tenantId: other.id }]);
  for (const [method, body] of [["GET"], ["PATCH", { name: "Mine" }], ["DELETE"]] as const) {
    const answer = await owner.send(method, `/profiles/${acme.profileId}`, body);
    expect(answer.json, method).toMatchObject({ status: 404, code: "not_found" });
  }
  expect((await owner.send("POST", "/profiles", { tenantId: acme.id, name: "Mine" })).status).toBe(404);
  expect((await owner.send("GET", `/profiles?tenantId=${acme.id}`)).status).toBe(404);
  const listed = (await owner.send("GET", "/profiles")).json.items;
  expect(listed.map((profile: { id: string }) => profile.id)).toEqual([other.profileId]);
});

test("each change stands in the tenant's audit log with what it was and what it is", async () => {
  const path = `/profiles/${acme.profileId}`;
  await admin.send("PATCH", path, { serviceProtection: { requireChallenge: true } });
  await admin.send("PATCH", path, { serviceProtection: { requireChallenge: false } });
  const { json } = await admin.send("GET", `/audit?tenantId=${acme.id}&action=profile.change&limit=1`);
  expect(json.items).toMatchObject([
    {
      target: { kind: "profile", id: acme.profileId },
      details: { "serviceProtection.requireChallenge": { from: true, to: false } },
      who: { name: "admin" },
    },
  ]);
});

test("switching protection off, by a change or by a rollback, asks for the password again; switching it on does not", async () => {
  const on = { serviceProtection: { on: true } };
  const off = { serviceProtection: { on: false } };
  const made = await admin.send("POST", "/profiles", { tenantId: acme.id, name: "Kiosks", ...off });
  const path = `/profiles/${made.json.id}`;
  const old = await logInAsAdmin(cluster);
  cluster.advance(16 * 60_000);
  expect((await old.send("PATCH", path, on)).status).toBe(200);
  for (const refused of [
    await old.send("PATCH", path, off),
    await old.send("POST", `${path}/rollback`, { version: 1 }),
  ]) {
    expect(refused.json).toMatchObject({ status: 403, code: "reauthentication_required" });
  }
  expect((await old.send("GET", path)).json).toMatchObject(on);
  expect((await old.send("GET", `${path}/versions`)).json.items).toHaveLength(2);
  // Other settings of a protecting profile do not ask.
  expect((await old.send("PATCH", path, { serviceProtection: { liftSeconds: 60 } })).status).toBe(200);
  const fresh = await logInAsAdmin(cluster);
  expect((await fresh.send("PATCH", path, off)).status).toBe(200);
});
