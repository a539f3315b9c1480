import type { Facts } from "@postern/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { enrol, type FakeAgent, windowsFacts } from "../check-in/fake-agent.fixture.ts";
import { makeActivationKey, makeTenant, type TestTenant } from "../check-in/scene.fixture.ts";
import { type Caller, logInAsAdmin, makeUser, startTestCluster, type TestCluster } from "../test-cluster.fixture.ts";
import { agentSortFields } from "./agent-page.ts";

let cluster: TestCluster;
let admin: Caller;
let owner: Caller;
let acme: TestTenant;
let other: TestTenant;
let guarded: string;
let adminKey: string;
let ownerKey: string;
const agents = new Map<string, FakeAgent>();

beforeAll(async () => {
  cluster = await startTestCluster({ timing: { holdMs: 0, pollMs: 1_000 } });
  admin = await logInAsAdmin(cluster);
  acme = await makeTenant(admin, "Acme");
  other = await makeTenant(admin, "Umbrella");
  owner = await makeUser(cluster, admin, "olga", [{ role: "tenant_owner", tenantId: acme.id }]);
  const keyOf = async (who: Caller, role: string, tenantId: string | null) =>
    (await who.send("POST", "/api-keys", { name: "export", roles: [{ role, tenantId }] })).json.key;
  adminKey = await keyOf(admin, "auditor", null);
  ownerKey = await keyOf(owner, "tenant_owner", acme.id);
  const profile = { tenantId: acme.id, name: "guarded", serviceProtection: { on: true } };
  guarded = (await admin.send("POST", "/profiles", profile)).json.id;
  const filter = { labels: ["site:berlin"] };
  const intent = { tenantId: acme.id, name: "berlin", profileId: guarded, filter };
  expect((await admin.send("POST", "/intents", intent)).status).toBe(201);

  const key = await makeActivationKey(admin, acme.id);
  const machines: Partial<Facts>[] = [
    { hostName: "WS-01", addresses: ["10.1.2.3", "fe80::AB"], agentVersion: "1.9.0" },
    { hostName: "ws-02", addresses: ["10.1.2.4"], agentVersion: "1.10.0" },
    { hostName: "db_1%", platform: "linux", addresses: ["192.168.7.7"], agentVersion: "1.10.0" },
    { hostName: "Ｗeb-ＡÄ", platform: "macos", addresses: [], agentVersion: "1.10.0-beta.2" },
    { hostName: "silent-1", agentVersion: "0.9.0" },
    { hostName: "fresh-1", agentVersion: "0.9.0" },
  ];
  for (const facts of machines) agents.set(facts.hostName ?? "", await enrol(cluster.url, key, facts));
  agents.set(
    "foreign-1",
    await enrol(cluster.url, await makeActivationKey(admin, other.id), { hostName: "foreign-1" }),
  );
  await label("WS-01", ["site:berlin", "env=prod"]);
  await label("silent-1", ["site:berlin"]);
  await label("ws-02", ["site:berlin-mitte", "env=prod"]);
  // Everybody gets the wanted config and says so, but for the one that never reports.
  for (const [host, agent] of agents) if (host !== "fresh-1") for (let i = 0; i < 2; i++) await agent.checkIn();
  cluster.advance(1_000_000);
  for (const [host, agent] of agents) if (!["silent-1", "fresh-1"].includes(host)) await agent.checkIn();
}, 60_000);

afterAll(() => cluster.close());

async function label(host: string, labels: string[]): Promise<void> {
  const answer = await admin.send("PATCH", `/agents/${agents.get(host)?.agentId}`, { labels });
  expect(answer.status).toBe(200);
}

async function hosts(query: string, who: Caller = admin): Promise<string[]> {
  const { json, status } = await who.send("GET", `/agents?${query}`);
  if (status !== 200) throw new Error(JSON.stringify(json));
  return json.items.map(({ hostName }: { hostName: string }) => hostName);
}

describe("the list's search and filters", () => {
  test.each([
    ["q=WS-0", ["WS-01", "ws-02"]],
    ["q=web-aä", ["Ｗeb-ＡÄ"]],
    ["q=b_", ["db_1%"]],
    ["q=1%25", ["db_1%"]],
    ["q=10.1.2.", ["WS-01", "ws-02"]],
    ["q=FE80::ab", ["WS-01"]],
    ["q=192.168.7.7", ["db_1%"]],
    ["q=berlin", ["silent-1", "WS-01", "ws-02"]],
    ["q=env", ["WS-01", "ws-02"]],
    ["q=env%3Dprod", ["WS-01", "ws-02"]],
    ["q=%20ws-02%20", ["ws-02"]],
    ["q=ws-02%0A10", []],
    ["q=nowhere", []],
    ["platform=linux", ["db_1%"]],
    ["platform=linux&platform=macos", ["db_1%", "Ｗeb-ＡÄ"]],
    ["platform=aix", []],
    ["state=inactive", ["fresh-1", "silent-1"]],
    ["state=active&platform=windows", ["foreign-1", "WS-01", "ws-02"]],
    ["state=active&state=inactive&q=-1", ["foreign-1", "fresh-1", "silent-1"]],
    ["protection=on", ["silent-1", "WS-01"]],
    ["protection=off", ["foreign-1", "ws-02"]],
    ["protection=unsupported", ["db_1%", "Ｗeb-ＡÄ"]],
    ["protection=not_reported", ["fresh-1"]],
    ["protection=not_reported&protection=unsupported", ["db_1%", "fresh-1", "Ｗeb-ＡÄ"]],
    ["protection=lifted", []],
    ["version=1.10.0", ["db_1%", "ws-02"]],
    ["version=1.10.0&version=1.9.0", ["db_1%", "WS-01", "ws-02"]],
    ["version=1.10", []],
    ["label=site:berlin", ["silent-1", "WS-01"]],
    ["label=site:berlin&label=site:berlin-mitte", ["silent-1", "WS-01", "ws-02"]],
    ["label=site", []],
    ["label=env=prod&version=1.9.0&platform=windows&protection=on&state=active&q=ws", ["WS-01"]],
    ["view=protection_gaps", ["fresh-1"]],
    ["view=cut_off", ["silent-1"]],
    ["view=cut_off&state=active", []],
  ])("%s", async (query, expected) => {
    const found = await hosts(query);
    expect(new Set(found)).toEqual(new Set(expected));
    expect(found).toHaveLength(expected.length);
  });

  test("the profile and the tenant", async () => {
    expect(await hosts(`profileId=${guarded}`)).toEqual(["silent-1", "WS-01"]);
    expect(await hosts(`profileId=${other.profileId}`)).toEqual(["foreign-1"]);
    expect(await hosts(`profileId=${other.profileId}&profileId=${guarded}`)).toHaveLength(3);
    expect(await hosts(`tenantId=${other.id}`)).toEqual(["foreign-1"]);
    expect(await hosts(`tenantId=${other.id}&tenantId=${acme.id}`)).toHaveLength(7);
  });

  test("an agent's id, or its beginning", async () => {
    const id = agents.get("ws-02")?.agentId ?? "";
    expect(await hosts(`q=${id}`)).toEqual(["ws-02"]);
    expect(await hosts(`q=${id.slice(0, 23).toUpperCase()}`)).toEqual(["ws-02"]);
    expect(await hosts(`q=${id.slice(1)}`)).toEqual([]);
  });

  test.each([
    ["platform=dos"],
    ["state=gone"],
    ["protection="],
    ["label=A"],
    ["tenantId=x"],
    ["view=all"],
    ["sort=seenAt"],
  ])("%s is refused", async (query) => {
    expect((await admin.send("GET", `/agents?${query}`)).json).toMatchObject({
      status: 400,
      code: "validation_failed",
    });
  });

  test("more values than a person asks for are refused", async () => {
    const query = Array.from({ length: 51 }, (_, n) => `version=${n}`).join("&");
    expect((await admin.send("GET", `/agents?${query}`)).status).toBe(400);
  });

  test("one agent reports other facts: the list finds it by them, and no more by the old ones", async () => {
    const agent = agents.get("ws-02");
    const facts = { hostName: "moved-1", agentVersion: "2.0.0", addresses: ["10.9.9.9"] };
    const before = { hostName: "ws-02", agentVersion: "1.10.0", addresses: ["10.1.2.4"] };
    await agent?.checkIn({ facts: { ...windowsFacts, ...facts } });
    expect(await hosts("q=10.9.9&version=2.0.0")).toEqual(["moved-1"]);
    expect(await hosts("q=10.1.2.4")).toEqual([]);
    await agent?.checkIn({ facts: { ...windowsFacts, ...before } });
    expect(await hosts("q=10.1.2.4")).toEqual(["ws-02"]);
  });
});

describe("an agent of the list", () => {
  test("has what a list shows", async () => {
    const { json } = await admin.send("GET", "/agents?q=ws-01");
    expect(json.items).toEqual([
      {
        id: agents.get("WS-01")?.agentId,
        tenantId: acme.id,
        tenant: { id: acme.id, name: "Acme" },
        hostName: "WS-01",
        platform: "windows",
        osVersion: "10.0.20348",
        agentVersion: "1.9.0",
        state: "active",
        protection: "on",
        protectionSince: expect.stringMatching(/Z$/),
        protectionGap: null,
        wouldDrop: null,
        update: null,
        profileId: guarded,
        profile: { id: guarded, name: "guarded" },
        config: { desiredRev: expect.any(Number), appliedRev: expect.any(Number), refused: null },
        addresses: ["10.1.2.3", "fe80::AB"],
        lookAlikeCount: expect.any(Number),
        labels: ["env=prod", "site:berlin"],
        enrolledAt: expect.stringMatching(/Z$/),
        seenAt: expect.stringMatching(/Z$/),
        dueAt: expect.stringMatching(/Z$/),
      },
    ]);
    const { config } = json.items[0];
    expect(config.appliedRev).toBe(config.desiredRev);
  });
});

describe("the list's order", () => {
  const byName = ["db_1%", "foreign-1", "fresh-1", "silent-1", "Ｗeb-ＡÄ", "WS-01", "ws-02"];
  const byEnrolment = ["WS-01", "ws-02", "db_1%", "Ｗeb-ＡÄ", "silent-1", "fresh-1", "foreign-1"];
  const orders = {
    hostName: byName,
    enrolledAt: byEnrolment,
    platform: ["db_1%", "Ｗeb-ＡÄ", "WS-01", "ws-02", "silent-1", "fresh-1", "foreign-1"],
    version: ["foreign-1", "silent-1", "fresh-1", "WS-01", "Ｗeb-ＡÄ", "ws-02", "db_1%"],
    protection: ["fresh-1", "ws-02", "foreign-1", "WS-01", "silent-1", "db_1%", "Ｗeb-ＡÄ"],
    profile: ["ws-02", "db_1%", "Ｗeb-ＡÄ", "fresh-1", "foreign-1", "WS-01", "silent-1"],
  } as const satisfies Record<(typeof agentSortFields)[number], readonly string[]>;

  test("without a wish is by host name", async () => {
    expect(await hosts("")).toEqual(byName);
  });

  test.each(agentSortFields)("by %s, both ways, page by page while agents check in", async (field) => {
    for (const direction of ["", "-"]) {
      for (const filter of ["", "&version=0.1.0&version=0.9.0&version=1.9.0&version=1.10.0&version=1.10.0-beta.2"]) {
        const found: string[] = [];
        let cursor = "";
        do {
          const { json } = await admin.send("GET", `/agents?sort=${direction}${field}&limit=2${filter}${cursor}`);
          found.push(...json.items.map(({ hostName }: { hostName: string }) => hostName));
          cursor = json.nextCursor === null ? "" : `&cursor=${json.nextCursor}`;
          await agents.get(byName[found.length % 2] ?? "")?.checkIn();
        } while (cursor !== "");
        expect(found).toEqual(direction === "" ? orders[field] : [...orders[field]].reverse());
      }
    }
  });

  test("a cursor is good for its own sort and filters only, in whatever order they are given", async () => {
    const query = "platform=windows&platform=linux&limit=1&sort=hostName";
    const { json } = await admin.send("GET", `/agents?${query}`);
    const next = (change: string) => admin.send("GET", `/agents?${change}&cursor=${json.nextCursor}`);
    for (const change of ["", "platform=windows&limit=1", query.replace("hostName", "-hostName"), `${query}&q=a`]) {
      expect((await next(change)).json).toMatchObject({ status: 400, code: "cursor_invalid" });
    }
    expect((await next("sort=hostName&platform=linux&platform=windows")).status).toBe(200);
    expect((await admin.send("GET", "/agents?cursor=x")).json.code).toBe("cursor_invalid");
  });

  test("goes on after a host name of the longest kind", async () => {
    const key = await makeActivationKey(admin, other.id);
    const hostName = "\u{1F600}".repeat(127);
    for (const _ of [1, 2]) await enrol(cluster.url, key, { hostName });
    const query = `tenantId=${other.id}&limit=1&sort=-hostName`;
    const { json } = await admin.send("GET", `/agents?${query}`);
    const second = await admin.send("GET", `/agents?${query}&cursor=${json.nextCursor}`);
    expect(second.json.items).toMatchObject([{ hostName }]);
    expect(second.json.items[0].id).not.toBe(json.items[0].id);
  });
});

describe("the walls between tenants", () => {
  test("who sees one tenant gets no agent, no count and no line of another's", async () => {
    expect(await hosts("q=foreign", owner)).toEqual([]);
    expect(await hosts("", owner)).toHaveLength(6);
    expect(await hosts(`profileId=${other.profileId}`, owner)).toEqual([]);
    // Asked by both in the same moment: what was counted for one is not told to the other.
    await admin.send("GET", "/agents/facets");
    const facets = (await owner.send("GET", "/agents/facets")).json;
    expect(facets.total).toBe(6);
    expect(JSON.stringify(facets)).not.toContain("Umbrella");
    expect(await csv("", ownerKey)).not.toContain("foreign");
  });

  test.each(["/agents?", "/agents?format=csv&", "/agents/facets?"])(
    "%s of another tenant is not there",
    async (path) => {
      for (const query of [`tenantId=${other.id}`, `tenantId=${acme.id}&tenantId=${other.id}`]) {
        expect((await owner.send("GET", `${path}${query}`)).json).toMatchObject({ status: 404, code: "not_found" });
      }
    },
  );
});

describe("the facets", () => {
  const countsOf = (facet: { value: string; count: number }[]) =>
    Object.fromEntries(facet.filter(({ count }) => count > 0).map(({ value, count }) => [value, count]));
  const facetsFor = async (query: string) => {
    const { json, status } = await admin.send("GET", `/agents/facets?tenantId=${acme.id}&${query}`);
    expect(status).toBe(200);
    return json;
  };

  test("count every agent by each filter's values", async () => {
    const facets = await facetsFor("");
    expect(facets.total).toBe(6);
    expect(countsOf(facets.platform)).toEqual({ windows: 4, linux: 1, macos: 1 });
    expect(countsOf(facets.state)).toEqual({ active: 4, inactive: 2 });
    expect(countsOf(facets.protection)).toEqual({ on: 2, off: 1, unsupported: 2, not_reported: 1 });
    expect(countsOf(facets.view)).toEqual({ protection_gaps: 1, cut_off: 1 });
    expect(countsOf(facets.version)).toEqual({ "0.9.0": 2, "1.10.0": 2, "1.9.0": 1, "1.10.0-beta.2": 1 });
    expect(countsOf(facets.label)).toEqual({ "env=prod": 2, "site:berlin": 2, "site:berlin-mitte": 1 });
    const tenant = { id: acme.id, name: "Acme" };
    expect(facets.profileId).toEqual([
      { value: acme.profileId, name: "Default", tenant, count: 4 },
      { value: guarded, name: "guarded", tenant, count: 2 },
    ]);
  });

  test("are cut by the other filters and not by their own", async () => {
    const facets = await facetsFor("platform=windows&state=active&label=env=prod");
    expect(facets.total).toBe(2);
    expect(countsOf(facets.platform)).toEqual({ windows: 2 });
    expect(countsOf(facets.state)).toEqual({ active: 2 });
    expect(countsOf(facets.label)).toEqual({ "env=prod": 2, "site:berlin": 1, "site:berlin-mitte": 1 });
    const others = await facetsFor("q=-1&view=cut_off");
    expect(countsOf(others.view)).toEqual({ protection_gaps: 1, cut_off: 1 });
    expect(countsOf(others.version)).toEqual({ "0.9.0": 1 });
  });

  test.each(agentSortFields.map((_, n) => n))("say what choosing a value gives: %i", async (n) => {
    const given = [
      "",
      "q=1",
      "protection=on&protection=off",
      "view=protection_gaps",
      "version=1.10.0",
      "label=env=prod",
    ][n];
    const facets = await facetsFor(given ?? "");
    for (const name of ["platform", "state", "protection", "version", "profileId", "label"]) {
      const others = (given ?? "").split("&").filter((one) => !one.startsWith(`${name}=`));
      for (const { value, count } of facets[name]) {
        const query = [`tenantId=${acme.id}`, ...others, `${name}=${value}`].join("&");
        expect([name, value, count]).toEqual([name, value, (await hosts(query)).length]);
      }
    }
  });

  test("are counted anew when they are older than a second", async () => {
    const before = (await facetsFor("q=counted")).total;
    await enrol(cluster.url, await makeActivationKey(admin, acme.id), { hostName: "counted-1", platform: "solaris" });
    cluster.advance(1_000);
    expect([before, (await facetsFor("q=counted")).total]).toEqual([0, 1]);
  });
});

describe("the export", () => {
  test.each([
    ["/agents?format=csv", {}],
    ["/agents", { accept: "text/csv" }],
  ])("%s %j is CSV with a name", async (path, headers) => {
    const response = await get(path, adminKey, headers as Record<string, string>);
    expect(response.headers.get("content-type")).toMatch(/^text\/csv/);
    expect(response.headers.get("content-disposition")).toMatch(/^attachment; filename="agents-\d{8}T\d{6}Z\.csv"$/);
    expect(response.headers.get("vary")).toContain("accept");
  });

  test("has one line for each agent that the filters name, in the order of enrolment", async () => {
    const [heading, ...lines] = (await csv(`label=env=prod`)).trimEnd().split("\r\n");
    expect(heading).toBe(
      '"hostName","tenant","platform","osVersion","agentVersion","state","protection","protectionSince","protectionGap",' +
        '"wouldDropSince","profile","labels","addresses","desiredRev","appliedRev","enrolledAt","seenAt","dueAt","id",' +
        '"tenantId","profileId","desiredVersion","update"',
    );
    expect(lines.map((line) => line.split(",").slice(0, 7).join())).toEqual([
      '"WS-01","Acme","windows","10.0.20348","1.9.0","active","on"',
      '"ws-02","Acme","windows","10.0.20348","1.10.0","active","off"',
    ]);
    expect(lines[0]).toContain('"env=prod site:berlin","10.1.2.3 fe80::AB"');
  });

  test("shows what a spreadsheet would run as text", async () => {
    const hostName = '=HYPERLINK("http://evil")';
    await enrol(cluster.url, await makeActivationKey(admin, other.id), {
      hostName,
      agentVersion: "@SUM(1)",
      addresses: ["-1+1"],
    });
    const text = await csv("q=hyperlink");
    for (const cell of ['"\'=HYPERLINK(""http://evil"")"', '"\'@SUM(1)"', '"\'-1+1"']) expect(text).toContain(cell);
  });

  test.each(["limit=1", "cursor=x", "sort=hostName"])("refuses %s: it is whole", async (query) => {
    const { status, json } = await admin.send("GET", `/agents?format=csv&${query}`);
    expect(status).toBe(400);
    expect(json.errors).toMatchObject([{ pointer: `/${query.split("=")[0]}`, code: "not_with_export" }]);
  });
});

function get(path: string, apiKey: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${cluster.url}/api/v1${path}`, { headers: { authorization: `Bearer ${apiKey}`, ...headers } });
}

async function csv(query: string, apiKey = adminKey): Promise<string> {
  return (await get(`/agents?format=csv&${query}`, apiKey)).text();
}
