import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Caller, logInAsAdmin, makeUser, startTestCluster, type TestCluster } from "../test-cluster.fixture.ts";
import { keysOfJwks, openCheckpointFile } from "./checkpoint.ts";

let cluster: TestCluster;
let admin: Caller;
let ofTenant: Caller;
let acme: string;
let beta: string;
let apiKey: string;

beforeAll(async () => {
  cluster = await startTestCluster();
  admin = await logInAsAdmin(cluster);
  acme = (await admin.send("POST", "/tenants", { name: "acme" })).json.id;
  beta = (await admin.send("POST", "/tenants", { name: "beta" })).json.id;
  ofTenant = await makeUser(cluster, admin, "aud", [{ role: "auditor", tenantId: acme }]);
  const roles = [{ role: "auditor", tenantId: null }];
  apiKey = (await admin.send("POST", "/api-keys", { name: "export", roles })).json.key;
  await cluster.restart(); // ends and starts with a checkpoint
});

afterAll(() => cluster.close());

/** A GET whose answer is no JSON. */
function raw(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${cluster.url}/api/v1${path}`, { headers: { authorization: `Bearer ${apiKey}`, ...headers } });
}

describe("the list", () => {
  test.each([
    ["action=tenant.create", 2],
    ["action=tenant.create&outcome=refused", 0],
    ["targetKind=tenant", 2],
    ["targetKind=user&action=user.create", 2],
    ["since=2999-01-01T00:00:00.000Z", 0],
    ["until=2000-01-01T00:00:00.000Z", 0],
    ["clusterOnly=true&action=tenant.create", 0],
  ])("is filtered by %s", async (query, count) => {
    const { status, json } = await admin.send("GET", `/audit?${query}`);
    expect(status).toBe(200);
    expect(json.items.length).toBe(count);
  });

  test("pages in both directions without losing or repeating an entry", async () => {
    const collect = async (sort: string) => {
      const ids: string[] = [];
      let cursor = "";
      do {
        const { json } = await admin.send("GET", `/audit?limit=3&sort=${sort}${cursor}`);
        ids.push(...json.items.map(({ id }: { id: string }) => id));
        cursor = json.nextCursor === null ? "" : `&cursor=${json.nextCursor}`;
      } while (cursor !== "");
      return ids;
    };
    const [up, down] = [await collect("at"), await collect("-at")];
    expect(new Set(up).size).toBe(up.length);
    expect(down).toEqual(up.toReversed());
  });

  test("shows a tenant's auditor that tenant's entries and no others", async () => {
    const { json } = await ofTenant.send("GET", "/audit");
    expect(json.items.length).toBeGreaterThan(0);
    expect(new Set(json.items.map(({ tenantId }: { tenantId: string }) => tenantId))).toEqual(new Set([acme]));
    expect((await ofTenant.send("GET", `/audit?tenantId=${beta}`)).status).toBe(404);
    expect((await ofTenant.send("GET", "/audit?clusterOnly=true")).json.items).toEqual([]);
  });

  test("still shows the others when an entry's text was destroyed", async () => {
    const [row] = await cluster.database.query("select id, body from audit_entry where chain = 'cluster' and seq = 1");
    await cluster.database.query(`update audit_entry set body = 'gone' where id = '${row?.["id"]}'`);
    const { status, json } = await admin.send("GET", "/audit?limit=500");
    expect(status).toBe(200);
    expect(json.items.find(({ id }: { id: string }) => id === row?.["id"]).who.kind).toBe("unreadable");
    const verification = await admin.send("GET", "/audit/verification");
    expect(
      verification.json.chains.find(({ tenantId }: { tenantId: string | null }) => tenantId === null).fault,
    ).toEqual({
      seq: 1,
      code: "wrong_link",
      detail: "Entry 1 was changed, or one before it: it does not continue the chain.",
    });
    await cluster.database.query(
      `update audit_entry set body = '${String(row?.["body"]).replaceAll("'", "''")}' where id = '${row?.["id"]}'`,
    );
  });
});

describe("an export", () => {
  test.each([
    ["/audit?format=jsonl", {}, "application/jsonl"],
    ["/audit", { accept: "application/jsonl" }, "application/jsonl"],
    ["/audit?format=csv", {}, "text/csv"],
    ["/audit", { accept: "text/csv" }, "text/csv"],
    ["/audit?format=json", { accept: "text/csv" }, "application/json"],
    ["/audit", { accept: "*/*" }, "application/json"],
  ])("%s %j answers with %s", async (path, headers, type) => {
    const response = await raw(path, headers as Record<string, string>);
    expect(response.headers.get("content-type")).toMatch(new RegExp(`^${type}`));
    expect(response.headers.get("vary")).toContain("accept");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect((await response.text()).length).toBeGreaterThan(100);
  });

  test("is cut by the same filters, and to its reader's tenants", async () => {
    const lines = await (await raw(`/audit?format=jsonl&tenantId=${acme}&action=tenant.create`)).text();
    expect(
      lines
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).entry.target.id),
    ).toEqual([acme]);
    expect((await ofTenant.send("GET", `/audit?format=jsonl&tenantId=${beta}`)).status).toBe(404);
  });

  test.each(["limit=1", "cursor=x", "sort=at"])("refuses %s: it is whole", async (query) => {
    const { status, json } = await admin.send("GET", `/audit?format=csv&${query}`);
    expect(status).toBe(400);
    expect(json.errors).toMatchObject([{ pointer: `/${query.split("=")[0]}`, code: "not_with_export" }]);
  });
});

describe("checkpoints", () => {
  test("are made while the cluster runs, signed by a key of the JWK set, and list newest first", async () => {
    const { json } = await admin.send("GET", "/audit/checkpoints");
    expect(json.items.length).toBeGreaterThanOrEqual(2);
    expect(json.items.map(({ n }: { n: number }) => n)).toEqual(
      json.items.map((_: unknown, i: number) => json.items.length - i),
    );
    const { json: keys } = await admin.send("GET", "/keys?use=audit");
    expect(json.items[0].kid).toBe(keys.items[0].kid);
    const second = await admin.send("GET", "/audit/checkpoints?limit=1&sort=n");
    const third = await admin.send("GET", `/audit/checkpoints?limit=1&sort=n&cursor=${second.json.nextCursor}`);
    expect([second.json.items[0].n, third.json.items[0].n]).toEqual([1, 2]);
  });

  test("come with their heads, to be kept: all for the cluster's auditor, one's own and leaves for a tenant's", async () => {
    const keys = keysOfJwks(await (await fetch(`${cluster.url}/.well-known/jwks.json`)).json());
    const keyOf = (kid: string) => keys.get(kid);
    const whole = openCheckpointFile((await admin.send("GET", "/audit/checkpoint")).json, keyOf);
    expect(whole.heads.map(({ chain }) => chain).sort()).toEqual(["cluster", acme, beta].sort());
    const { json } = await ofTenant.send("GET", "/audit/checkpoint");
    expect(openCheckpointFile(json, keyOf).heads.map(({ chain }) => chain)).toEqual([acme]);
    expect(JSON.stringify(json)).not.toContain(beta);
    const first = openCheckpointFile((await admin.send("GET", "/audit/checkpoint?n=1")).json, keyOf);
    expect(first.claims.n).toBe(1);
    expect((await admin.send("GET", "/audit/checkpoint?n=999")).status).toBe(404);
  });
});

describe("verification", () => {
  test("is told to each auditor for what he may see", async () => {
    const { json } = await admin.send("GET", "/audit/verification");
    expect(json).toMatchObject({ intact: true, checkpoints: { fault: null } });
    expect(json.chains.length).toBe(3);
    const own = (await ofTenant.send("GET", "/audit/verification")).json;
    expect(own.chains.map(({ tenantId }: { tenantId: string }) => tenantId)).toEqual([acme]);
  });

  test("compares heads that were kept", async () => {
    const { heads } = (await admin.send("GET", "/audit/checkpoint")).json;
    const kept = heads.map(({ chain, ...head }: { chain: string }) => ({
      tenantId: chain === "cluster" ? null : chain,
      ...head,
    }));
    expect((await admin.send("POST", "/audit/verification", { heads: kept })).json).toMatchObject({ intact: true });
    const forged = { heads: [{ ...kept[0], hash: "0".repeat(64) }] };
    const { json } = await admin.send("POST", "/audit/verification", forged);
    expect(json).toMatchObject({ intact: false, chains: [{ fault: { code: "not_as_kept" } }] });
    const beyond = { heads: [{ ...kept[0], seq: 10_000 }] };
    expect((await admin.send("POST", "/audit/verification", beyond)).json.chains[0].fault.code).toBe("cut_tail");
  });

  test.each(["beta", "cluster"])("with a head of %s is not found for a tenant's auditor", async (name) => {
    const head = { tenantId: name === "beta" ? beta : null, seq: 1, hash: "0".repeat(64) };
    expect((await ofTenant.send("POST", "/audit/verification", { heads: [head] })).status).toBe(404);
  });
});

test("what retention would remove is told before it is switched on, to the cluster's auditors", async () => {
  expect((await admin.send("GET", "/audit/retention")).json).toEqual({ days: null, before: null, chains: [] });
  const { json } = await admin.send("GET", "/audit/retention?before=2999-01-01T00:00:00.000Z");
  expect(json.chains.length).toBe(3);
  expect((await ofTenant.send("GET", "/audit/retention")).status).toBe(403);
});
