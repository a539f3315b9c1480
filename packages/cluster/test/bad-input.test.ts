import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { httpLimits } from "../src/http/limits.ts";
import { type Caller, expectProblem, logInAsAdmin, nobody } from "./http-client.ts";
import { misfitOf, type Operation, pathWith, readOperations, sampleOf, unknownId } from "./operations.ts";
import { type RunningCluster, startCluster } from "./running-cluster.ts";

// Vitest wants the list of tests before anything runs, so the cluster that gives it is started here.
const cluster: RunningCluster = await startCluster();
const operations = await readOperations(cluster.url);
const managed = operations.filter(({ path }) => path.startsWith("/api/v1/"));
const closed = managed.filter(({ access }) => access.scope !== "public");
const withBody = managed.filter(({ body }) => body !== undefined);
const withId = managed.filter(({ pathParameters }) => pathParameters.length > 0);
const lists = managed.filter(({ query }) => query.includes("cursor"));

let admin: Caller;
beforeAll(async () => {
  admin = await logInAsAdmin(cluster);
});
afterAll(() => cluster.remove());

interface RawRequest {
  readonly caller?: Caller;
  readonly query?: string;
  readonly id?: string;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
}

const json = { "content-type": "application/json" };

function request(operation: Operation, raw: RawRequest): Promise<Response> {
  const { caller = admin, query = "", id = unknownId, body, headers = body === undefined ? {} : json } = raw;
  return fetch(`${cluster.url}${pathWith(operation, () => id)}${query}`, {
    method: operation.method,
    headers: { ...caller.headers, ...headers },
    ...(body === undefined ? {} : { body }),
  });
}

test("the document names operations of each sort, so that nothing below is empty", () => {
  for (const group of [closed, withBody, withId, lists]) expect(group.length).toBeGreaterThan(3);
});

test.each(operations)("$name says who may use it", ({ access }) => {
  expect(access.permission).toMatch(/^[a-z][a-z-]*\.[a-z_-]+$/);
  expect(["cluster", "tenant", "object", "self", "agent", "public"]).toContain(access.scope);
});

describe("without credentials", () => {
  test.each(closed)("$name answers 401, whatever else is wrong", async (operation) => {
    const body = operation.body && "{";
    await expectProblem(await request(operation, { caller: nobody, ...(body && { body }) }), 401, "unauthenticated");
    const guessed = { headers: { authorization: `Bearer pst_${"A".repeat(43)}` } };
    await expectProblem(await request(operation, { caller: guessed }), 401, "unauthenticated");
  });
});

describe("a body", () => {
  test.each(withBody)("of $name that is no JSON is refused", async (operation) => {
    for (const body of ["{", '{"a":1,}', "\u0000", '{"a":1}{"a":1}', ""]) {
      await expectProblem(await request(operation, { body }), 400, "malformed_request", "validation_failed");
    }
  });

  test.each(withBody)("of $name that is no object is refused", async (operation) => {
    for (const body of ["[]", '"text"', "7", "null", "true"]) {
      await expectProblem(await request(operation, { body }), 400, "validation_failed");
    }
  });

  test.each(withBody)("of $name with an unknown member is refused, and the member is named", async (operation) => {
    const sample = sampleOf(operation.body ?? {}) as object;
    const body = JSON.stringify({ ...sample, unheardOf: 1 });
    const problem = await expectProblem(await request(operation, { body }), 400, "validation_failed");
    expect(problem.errors).toContainEqual(expect.objectContaining({ pointer: "/unheardOf", code: "unknown_member" }));
  });

  test.each(withBody)("of $name cannot reach into prototypes", async (operation) => {
    for (const body of ['{"__proto__":{"name":"x"}}', '{"constructor":{"prototype":{"name":"x"}}}']) {
      await expectProblem(await request(operation, { body }), 400);
    }
  });

  const members = withBody.flatMap((operation) =>
    Object.entries(operation.body?.properties ?? {}).map(([member, schema]) => ({ operation, member, schema })),
  );
  test.each(members)("of $operation.name with $member of another type is refused", async (case_) => {
    const { operation, member, schema } = case_;
    const body = JSON.stringify({ ...(sampleOf(operation.body ?? {}) as object), [member]: misfitOf(schema) });
    const problem = await expectProblem(await request(operation, { body }), 400, "validation_failed");
    expect(problem.errors?.map(({ pointer }) => pointer.split("/")[1])).toContain(member);
  });

  test.each(members.filter(({ schema }) => schema.pattern !== undefined || schema.format !== undefined))(
    "of $operation.name with $member out of its form is refused in words",
    async ({ operation, member }) => {
      const body = JSON.stringify({ ...(sampleOf(operation.body ?? {}) as object), [member]: "\u0000" });
      await expectProblem(await request(operation, { body }), 400, "validation_failed");
    },
  );

  test.each(withBody)("of $name over its limit is refused", async (operation) => {
    const body = JSON.stringify({ name: "x".repeat(httpLimits.maxBodyBytes) });
    await expectProblem(await request(operation, { body }), 413, "body_too_large");
  });

  test.each(withBody)("of $name in another format is refused", async (operation) => {
    const body = "name=x";
    const types = ["text/plain", "application/x-www-form-urlencoded", "application/xml", "multipart/form-data", "?"];
    for (const type of types) {
      await expectProblem(await request(operation, { body, headers: { "content-type": type } }), 415);
    }
    const bytes = new TextEncoder().encode("{}");
    await expectProblem(await request(operation, { body: bytes, headers: {} }), 415, "media_type_unsupported");
    const compressed = { ...json, "content-encoding": "gzip" };
    await expectProblem(await request(operation, { body: bytes, headers: compressed }), 415, "encoding_unsupported");
  });
});

describe("an id", () => {
  test.each(withId)("of $name that names nothing answers 404", async (operation) => {
    const body = operation.body && JSON.stringify(sampleOf(operation.body));
    await expectProblem(await request(operation, { ...(body && { body }) }), 404);
  });

  test.each(withId)("of $name that is none is refused", async (operation) => {
    const body = operation.body && JSON.stringify(sampleOf(operation.body));
    for (const id of ["x", "%00", "../admin", unknownId.toUpperCase(), `${unknownId}x`, "'; drop table agent --"]) {
      const response = await request(operation, { id, ...(body && { body }) });
      await expectProblem(response, response.status === 404 ? 404 : 400);
    }
  });
});

describe("a query", () => {
  const reads = managed.filter(({ method }) => method === "GET" || method === "DELETE");
  test.each(reads)("of $name with an unknown parameter is refused", async (operation) => {
    const problem = await expectProblem(await request(operation, { query: "?unheardOf=1" }), 400, "validation_failed");
    expect(problem.errors).toContainEqual(expect.objectContaining({ pointer: "/unheardOf", code: "unknown_member" }));
  });

  test.each(lists)("of the list $name is held to its limits", async (operation) => {
    for (const query of ["limit=0", "limit=501", "limit=x", "limit=", "limit=1&limit=2", "sort=unheardOf"]) {
      await expectProblem(await request(operation, { query: `?${query}` }), 400, "validation_failed");
    }
    for (const cursor of ["x", "AAAA", Buffer.from('["x",1,"y"]').toString("base64url")]) {
      const response = await request(operation, { query: `?cursor=${cursor}` });
      // A list below an object looks for the object first.
      if (operation.pathParameters.length > 0) await expectProblem(response, 404);
      else await expectProblem(response, 400, "cursor_invalid");
    }
  });
});

test("an address that does not exist answers 404, a method that does not 405, and too long a one 414 or 431", async () => {
  const get = (path: string, init: RequestInit = {}) =>
    fetch(`${cluster.url}${path}`, { ...init, headers: admin.headers });
  await expectProblem(await get("/api/v1/nothing"), 404, "not_found");
  await expectProblem(await get("/api/v2/agents"), 404, "not_found");
  await expectProblem(await get("/%"), 400);
  await expectProblem(await get("/api/v1/tenants", { method: "PUT" }), 405, "method_not_allowed");
  await expectProblem(await get(`/api/v1/tenants/${"x".repeat(1000)}`), 414, "uri_too_long");
});
