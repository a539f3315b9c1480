import { createHash, randomBytes } from "node:crypto";
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { enrol, type FakeAgent } from "../check-in/fake-agent.fixture.ts";
import {
  breakInserts,
  makeActivationKey,
  makeTenant,
  mendInserts,
  type TestTenant,
} from "../check-in/scene.fixture.ts";
import {
  type Caller,
  caller,
  logInAsAdmin,
  makeUser,
  startTestCluster,
  type TestCluster,
} from "../test-cluster.fixture.ts";
import { engine } from "../test-database.fixture.ts";
import { packageLimits } from "./limits.ts";
import { sampleMsi } from "./msi.fixture.ts";

let cluster: TestCluster;
let admin: Caller;
let key: string;
let tenant: TestTenant;

beforeAll(async () => {
  cluster = await startTestCluster({ timing: { holdMs: 600, pollMs: 600 } });
  admin = await logInAsAdmin(cluster);
  const made = await admin.send("POST", "/api-keys", {
    name: "release",
    roles: [{ role: "site_admin", tenantId: null }],
    validDays: 1,
  });
  key = made.json.key;
  tenant = await makeTenant(admin, "Hamburg");
});

afterAll(() => cluster.close());

async function upload(bytes: Buffer, { query = "", type = "application/octet-stream" } = {}) {
  const response = await fetch(`${cluster.url}/api/v1/agent-packages${query}`, {
    method: "POST",
    headers: { "content-type": type, authorization: `Bearer ${key}` },
    body: new Uint8Array(bytes),
  });
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape are looked into
  return { status: response.status, json: (await response.json()) as any };
}

/** A package of several parts, the last of them not full. */
function largeMsi(version: string): Buffer {
  return Buffer.concat([sampleMsi({ version }), randomBytes(2 * packageLimits.partBytes + 777)]);
}

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
const partsStored = async () =>
  Number((await cluster.database.query("select count(*) as n from agent_package_part"))[0]?.["n"]);

async function removeAll(): Promise<void> {
  for (const { id } of (await admin.send("GET", "/agent-packages")).json.items) {
    expect((await admin.send("DELETE", `/agent-packages/${id}?force=true`)).status).toBe(204);
  }
  expect(await partsStored()).toBe(0);
}

describe("adding a package", () => {
  test("stores the file in parts and says which version it is", async () => {
    const bytes = largeMsi("1.4.0");
    const added = await upload(bytes);
    expect(added).toMatchObject({
      status: 201,
      json: {
        version: "1.4.0",
        platform: "windows",
        arch: "x64",
        sha256: sha256(bytes),
        size: bytes.length,
        path: `/agent/v1/packages/${createHash("sha256").update(bytes).digest("base64url")}`,
        addedBy: { name: "release" },
      },
    });
    expect(await partsStored()).toBe(3);
    const audited = await admin.send("GET", "/audit?action=agent-package.add&limit=1");
    expect(audited.json.items[0]).toMatchObject({
      target: { kind: "agent-package", name: "1.4.0" },
      details: { sha256: sha256(bytes), size: bytes.length },
    });

    expect(await upload(bytes)).toMatchObject({ status: 200, json: { id: added.json.id } });
    expect(await upload(largeMsi("1.4.0"))).toMatchObject({ status: 409, json: { code: "package_exists" } });
    expect(await partsStored()).toBe(3);
  });

  test("lists the newest version first, page by page", async () => {
    for (const version of ["1.9.0", "1.4.1"]) {
      expect((await upload(sampleMsi({ version }))).status).toBe(201);
    }
    const listed = await admin.send("GET", "/agent-packages?limit=2");
    expect(listed.json.items.map((one: { version: string }) => one.version)).toEqual(["1.9.0", "1.4.1"]);
    const rest = await admin.send("GET", `/agent-packages?limit=2&cursor=${listed.json.nextCursor}`);
    expect(rest.json.items.map((one: { version: string }) => one.version)).toEqual(["1.4.0"]);
    await removeAll();
  });

  test.each([
    { what: "no package", bytes: Buffer.from("MZ".repeat(5_000)), detail: /no Windows Installer package/ },
    { what: "nothing", bytes: Buffer.alloc(0), detail: /no Windows Installer package/ },
    {
      what: "another product's package",
      bytes: sampleMsi({ replace: { "{6C2F8E0A-": "{7C2F8E0A-" } }),
      detail: /that of another product \("Postern Agent"\)/,
    },
    { what: "a package for other machines", bytes: sampleMsi({ replace: { "x64;": "ARM;" } }), detail: /kind "ARM"/ },
    {
      what: "a version of another form",
      bytes: sampleMsi({ version: "1.4rc" }),
      detail: /"1.4rc" is not three numbers/,
    },
    {
      what: "another version than was said",
      bytes: sampleMsi(),
      query: "?version=1.5.0",
      detail: /of version 1.4.0, not 1.5.0/,
    },
  ])("refuses $what, and keeps nothing of it", async ({ bytes, query = "", detail }) => {
    const answer = await upload(bytes, { query });
    expect(answer).toMatchObject({ status: 422, json: { code: "package_unusable" } });
    expect(answer.json.detail).toMatch(detail);
    expect(await partsStored()).toBe(0);
  });

  test("takes a file, and not JSON", async () => {
    expect(await upload(sampleMsi(), { type: "application/json" })).toMatchObject({
      status: 415,
      json: { code: "media_type_unsupported" },
    });
  });

  test("keeps nothing of an upload that breaks off", async () => {
    const { port } = new URL(cluster.url);
    const outgoing = httpRequest({
      port,
      host: "127.0.0.1",
      method: "POST",
      path: "/api/v1/agent-packages",
      headers: {
        "content-type": "application/octet-stream",
        authorization: `Bearer ${key}`,
        "content-length": 1_000_000,
      },
    });
    outgoing.on("error", () => {});
    outgoing.write(sampleMsi());
    outgoing.write(randomBytes(packageLimits.partBytes));
    await expect.poll(partsStored).toBe(1);
    outgoing.destroy();
    await expect.poll(partsStored).toBe(0);
  });

  test("tells why, when it cannot be stored, and keeps nothing", async () => {
    await breakInserts(cluster, "agent_package_part");
    expect((await upload(largeMsi("1.4.0"))).status).toBe(500);
    await mendInserts(cluster, "agent_package_part");
    expect((await upload(largeMsi("1.4.0"))).status).toBe(201);
    await removeAll();
  });

  test("clears away what a node has left that died over an upload, and nothing that is under way", async () => {
    const left = "00000000-0000-7000-8000-000000000001";
    const hex = Math.floor(cluster.now()).toString(16).padStart(12, "0");
    const underWay = `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000001`;
    const content = engine === "sqlite" ? "x'00'" : "'\\x00'";
    for (const id of [left, underWay]) {
      await cluster.database.query(
        `insert into agent_package_part (package_id, n, content) values ('${id}', 0, ${content})`,
      );
    }
    await upload(Buffer.from("nothing"));
    expect(await cluster.database.query("select package_id from agent_package_part")).toEqual([
      { package_id: underWay },
    ]);
    await cluster.database.query("delete from agent_package_part");
  });
});

describe("fetching a package", () => {
  let bytes: Buffer;
  let path: string;
  let id: string;

  beforeAll(async () => {
    bytes = largeMsi("1.4.0");
    ({ path, id } = (await upload(bytes)).json);
  });
  afterAll(removeAll);

  const etag = () => `"${createHash("sha256").update(bytes).digest("base64url")}"`;
  const fetchPackage = (headers: Record<string, string> = {}) => fetch(`${cluster.url}${path}`, { headers });

  test("needs no log-in, and gives the very bytes, with their length and their digest", async () => {
    const response = await fetchPackage();
    expect(response.status).toBe(200);
    expect(response.headers.get("content-length")).toBe(String(bytes.length));
    expect(response.headers.get("etag")).toBe(etag());
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
    expect((await fetchPackage({ "if-none-match": etag() })).status).toBe(304);
  });

  test.each([
    { range: "bytes=0-9", first: 0, last: 9 },
    {
      range: `bytes=${packageLimits.partBytes - 5}-${packageLimits.partBytes + 5}`,
      first: packageLimits.partBytes - 5,
      last: packageLimits.partBytes + 5,
    },
    { range: "bytes=500000-", first: 500_000, last: undefined },
    { range: "bytes=-7", first: -7, last: undefined },
  ])("gives the range $range", async ({ range, first, last }) => {
    const response = await fetchPackage({ range });
    expect(response.status).toBe(206);
    const got = Buffer.from(await response.arrayBuffer());
    expect(got.equals(bytes.subarray(first, last === undefined ? undefined : last + 1))).toBe(true);
    expect(response.headers.get("content-range")).toMatch(new RegExp(`/${bytes.length}$`));
  });

  test("says that there is no such range, or no such package", async () => {
    const beyond = await fetchPackage({ range: `bytes=${bytes.length}-` });
    expect(beyond.status).toBe(416);
    expect(beyond.headers.get("content-range")).toBe(`bytes */${bytes.length}`);
    expect((await fetchPackage({ range: "bytes=0-9", "if-range": '"older"' })).status).toBe(200);
    expect((await fetchPackage({ range: "bytes=0-9", "if-range": etag() })).status).toBe(206);
    expect((await fetch(`${cluster.url}/agent/v1/packages/${"A".repeat(43)}`)).status).toBe(404);
  });

  test("is offered to people by name, who may install agents", async () => {
    const installer = await makeUser(cluster, admin, "inge", [{ role: "agent_installer", tenantId: tenant.id }]);
    const listed = await installer.send("GET", "/agent-packages");
    expect(listed.json.items).toHaveLength(1);
    const response = await fetch(`${cluster.url}/api/v1/agent-packages/${id}/download`, {
      headers: { authorization: `Bearer ${key}` },
    });
    expect(response.headers.get("content-disposition")).toBe('attachment; filename="PosternAgent-1.4.0.msi"');
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
    expect((await caller(cluster).send("GET", `/agent-packages/${id}/download`)).status).toBe(401);
    expect((await installer.send("DELETE", `/agent-packages/${id}`)).status).toBe(403);
  });
});

describe("what agents are told", () => {
  let agent: FakeAgent;
  let linux: FakeAgent;

  beforeAll(async () => {
    const activationKey = await makeActivationKey(admin, tenant.id);
    agent = await enrol(cluster.url, activationKey);
    linux = await enrol(cluster.url, activationKey, { platform: "linux", hostName: "web-1" });
  });

  const setVersion = async (desiredVersion: string | null) => {
    const changed = await admin.send("PATCH", `/profiles/${tenant.profileId}`, { desiredVersion });
    expect(changed.status).toBe(200);
    return changed;
  };

  test("a package changes nothing for agents of which no version is wanted", async () => {
    await agent.checkIn();
    const before = agent.applied.rev;
    expect((await upload(sampleMsi())).status).toBe(201);
    await agent.checkIn();
    expect(agent.applied.rev).toBe(before);
    expect(agent.applied.cfg.packages).toBeUndefined();
  });

  test("with the version that is wanted come the packages, that one first, for Windows agents", async () => {
    await upload(sampleMsi({ version: "1.6.0" }));
    await upload(sampleMsi({ version: "1.5.0" }));
    await setVersion("1.5.0");
    await agent.checkIn();
    expect(agent.applied.cfg).toMatchObject({
      desiredVersion: "1.5.0",
      packages: [{ version: "1.5.0" }, { version: "1.6.0" }, { version: "1.4.0" }],
    });
    const [first] = agent.applied.cfg.packages ?? [];
    const file = sampleMsi({ version: "1.5.0" });
    expect(first).toEqual({
      version: "1.5.0",
      size: file.length,
      sha256: createHash("sha256").update(file).digest("base64url"),
      path: `/agent/v1/packages/${createHash("sha256").update(file).digest("base64url")}`,
    });
    const told = await admin.send("GET", `/agents/${agent.agentId}/config`);
    expect(told.json.config.packages).toEqual(agent.applied.cfg.packages);
    const updateOf = async ({ agentId }: FakeAgent) => (await admin.send("GET", `/agents/${agentId}`)).json.update;
    expect(await updateOf(agent)).toEqual({ desiredVersion: "1.5.0", state: "updating" });
    expect(await updateOf(linux)).toBeNull();
    await linux.checkIn();
    expect(linux.applied.cfg).toMatchObject({ desiredVersion: "1.5.0" });
    expect(linux.applied.cfg.packages).toBeUndefined();
  });

  test("a package that comes later reaches an agent that is held, and is no edit of its profile", async () => {
    await setVersion("1.7.0");
    await agent.checkIn();
    const before = await admin.send("GET", `/profiles/${tenant.profileId}`);
    const rev = agent.applied.rev;
    const held = agent.checkIn();
    expect((await upload(sampleMsi({ version: "1.7.0" }))).status).toBe(201);
    await held;
    if (agent.applied.rev === rev) await agent.checkIn();
    expect(agent.applied.rev).toBeGreaterThan(rev);
    expect(agent.applied.cfg.packages?.[0]?.version).toBe("1.7.0");
    const after = await admin.send("GET", `/profiles/${tenant.profileId}`);
    expect(before.json.packageHere).toBe(false);
    expect(after.json).toEqual({ ...before.json, packageHere: true });
    expect(after.headers.get("etag")).toBe(before.headers.get("etag"));
  });

  test("what profiles want is removed only by force; agents then name it no more", async () => {
    const listed = await admin.send("GET", "/agent-packages");
    const { id } = listed.json.items.find((one: { version: string }) => one.version === "1.7.0");
    const refused = await admin.send("DELETE", `/agent-packages/${id}`);
    expect(refused).toMatchObject({ status: 409, json: { code: "package_wanted" } });
    expect(refused.json.detail).toBe("The profile Default (Hamburg) wants version 1.7.0 of the agents.");
    expect((await admin.send("DELETE", `/agent-packages/${id}?force=true`)).status).toBe(204);
    await agent.checkIn();
    expect(agent.applied.cfg.packages?.map(({ version }) => version)).toEqual(["1.6.0", "1.5.0", "1.4.0"]);
  });

  test("revisions rise also when the clock went back, and an edit comes after them", async () => {
    await agent.checkIn();
    const before = agent.applied.rev;
    cluster.advance(-3_600_000);
    await upload(sampleMsi({ version: "1.8.0" }));
    await agent.checkIn();
    expect(agent.applied.rev).toBeGreaterThan(before);
    const told = agent.applied.rev;
    await setVersion(null);
    await agent.checkIn();
    expect(agent.applied.rev).toBeGreaterThan(told);
    expect(agent.applied.cfg.packages).toBeUndefined();
    cluster.advance(3_600_000);
  });
});
