import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { Type } from "typebox";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Access, RequestAccess } from "./access.ts";
import { accessOf } from "./access.ts";
import { etagOf, requireMatch } from "./etag.ts";
import { healthRoutes } from "./health.ts";
import { listOf, listQuery, pageRequest, toPage } from "./paging.ts";
import { Problem } from "./problems.ts";
import { closed, IdParams } from "./schema.ts";
import { createServer, type Server } from "./server.ts";

const open: { config: { access: Access } } = { config: { access: { permission: "test", scope: "public" } } };
const answer = { 200: Type.Object({ done: Type.Boolean() }) };

let app: Server;
let log: string;
let address: string;

async function authorize(): Promise<RequestAccess> {
  let narrowed = false;
  return {
    who: { kind: "user", id: "u1", name: "tester" },
    reach() {
      narrowed = true;
      return "everywhere";
    },
    requireTenant() {
      narrowed = true;
    },
    get narrowed() {
      return narrowed;
    },
  };
}

async function makeServer(): Promise<Server> {
  log = "";
  let count = 0;
  return createServer({
    authorize,
    newId: () => `request-${++count}`,
    trustedProxies: [],
    now: () => 0,
    log: {
      level: "info",
      stream: {
        write: (line) => {
          log += line;
        },
      },
    },
    version: "1.2.3",
  });
}

beforeEach(async () => {
  app = await makeServer();
  app.post("/things", { ...open, schema: { body: closed({ size: Type.Integer() }), response: answer } }, async () => ({
    done: true,
    secret: "not in the schema",
  }));
  app.get("/things/:id", { ...open, schema: { params: IdParams, response: answer } }, async () => ({ done: true }));
  app.get("/later", { ...open, schema: { response: answer } }, async () => {
    throw new Problem("not_ready");
  });
  app.get("/later/known", { ...open, schema: { response: answer } }, async () => {
    throw new Problem("overloaded", undefined, { headers: { "retry-after": "60" } });
  });
  app.get("/broken", { ...open, schema: { response: answer } }, async () => {
    throw new Error("select * from secrets");
  });
  app.get(
    "/forgetful",
    { config: { access: { permission: "t", scope: "tenant" } }, schema: { response: answer } },
    async () => ({ done: true }),
  );
  app.get(
    "/careful",
    { config: { access: { permission: "t", scope: "tenant" } }, schema: { response: answer } },
    async (request) => {
      accessOf(request).requireTenant("t1");
      return { done: true };
    },
  );
  app.patch("/thing", { ...open, schema: { body: closed({}), response: answer } }, async (request, reply) => {
    requireMatch(request, 7);
    reply.header("etag", etagOf(8));
    return { done: true };
  });
  app.get(
    "/numbers",
    {
      ...open,
      schema: {
        querystring: listQuery({ q: Type.Optional(Type.String()) }, ["value"]),
        response: { 200: listOf(Type.Integer()) },
      },
    },
    async (request) => {
      const page = pageRequest("numbers", request.query, "value");
      const after = page.after === null ? 0 : Number(page.after.key);
      const rows = [1, 2, 3, 4, 5].filter((value) => value > after).slice(0, page.limit + 1);
      return toPage(
        page,
        rows,
        (value) => ({ key: value, id: String(value) }),
        (value) => value,
      );
    },
  );
  app.delete("/thing", { ...open, schema: { response: answer } }, async () => ({ done: true }));
  healthRoutes(app, async () => false);
  address = await app.listen({ host: "127.0.0.1", port: 0 });
});

afterEach(() => app.close());

async function send(
  method: string,
  path: string,
  body?: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
) {
  const type = body === undefined ? {} : { "content-type": "application/json" };
  const response = await fetch(address + path, {
    method,
    headers: { ...type, ...headers },
    ...(body !== undefined && { body }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: JSON.parse(text || "null") };
}

test.each([
  { name: "no such address", method: "GET", path: "/nowhere", status: 404, code: "not_found" },
  { name: "another method", method: "DELETE", path: "/things", status: 405, code: "method_not_allowed" },
  {
    name: "another method of an address with an id",
    method: "PUT",
    path: "/things/x",
    status: 405,
    code: "method_not_allowed",
  },
  { name: "not JSON", method: "POST", path: "/things", body: "{", status: 400, code: "malformed_request" },
  { name: "an empty body", method: "POST", path: "/things", body: "", status: 400, code: "malformed_request" },
  {
    name: "a member that would change prototypes",
    method: "POST",
    path: "/things",
    body: '{"size":1,"__proto__":{}}',
    status: 400,
    code: "malformed_request",
  },
  {
    name: "a number as text",
    method: "POST",
    path: "/things",
    body: '{"size":"1"}',
    status: 400,
    code: "validation_failed",
  },
  { name: "an id that is none", method: "GET", path: "/things/1", status: 400, code: "validation_failed" },
  { name: "an unknown query parameter", method: "GET", path: "/broken?x=1", status: 400, code: "validation_failed" },
  {
    name: "64 KiB and one byte",
    method: "POST",
    path: "/things",
    body: " ".repeat(64 * 1024 + 1),
    status: 413,
    code: "body_too_large",
  },
  {
    name: "another media type",
    method: "POST",
    path: "/things",
    body: "{}",
    headers: { "content-type": "text/plain" },
    status: 415,
    code: "media_type_unsupported",
  },
  {
    name: "a form",
    method: "POST",
    path: "/things",
    body: "size=1",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    status: 415,
    code: "media_type_unsupported",
  },
  { name: "a broken path", method: "GET", path: "/things/%ff", status: 400, code: "malformed_request" },
  { name: "a very long path", method: "GET", path: `/things/${"a".repeat(300)}`, status: 414, code: "uri_too_long" },
  { name: "a cursor made up", method: "GET", path: "/numbers?cursor=abc", status: 400, code: "cursor_invalid" },
  { name: "a page too large", method: "GET", path: "/numbers?limit=501", status: 400, code: "validation_failed" },
  { name: "not ready", method: "GET", path: "/readyz", status: 503, code: "not_ready" },
])("answers $name with $code", async ({ method, path, body, headers, status, code }) => {
  const response = await send(method, path, body, headers);
  expect(response.json).toMatchObject({ status, code, type: `urn:postern:problem:${code}` });
  expect(response.json.requestId).toBe(response.headers.get("request-id"));
  expect(response.json.detail).toMatch(/\.$/);
  expect(response.status).toBe(status);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
});

test("a DELETE may name a media type without having a body", async () => {
  const response = await send("DELETE", "/thing", undefined, { "content-type": "application/json" });
  expect(response.status).toBe(200);
});

test("who is told to come again is told when", async () => {
  expect((await send("GET", "/later")).headers.get("retry-after")).toBe("5");
  expect((await send("GET", "/later/known")).headers.get("retry-after")).toBe("60");
  expect((await send("GET", "/nothing")).headers.get("retry-after")).toBeNull();
});

test("answers a compressed body with encoding_unsupported", async () => {
  const response = await send("POST", "/things", new Uint8Array(gzipSync('{"size":1}')), {
    "content-encoding": "gzip",
  });
  expect(response.json).toMatchObject({ status: 415, code: "encoding_unsupported" });
});

test("names each wrong member", async () => {
  const { json } = await send("POST", "/things", '{"sise":1,"a/b":2}');
  expect(json.errors).toEqual(
    expect.arrayContaining([
      { pointer: "/size", code: "required", detail: "This member is missing." },
      { pointer: "/sise", code: "unknown_member", detail: "The API knows no such member." },
      { pointer: "/a~1b", code: "unknown_member", detail: "The API knows no such member." },
    ]),
  );
});

test("an inner error is told to the log only", async () => {
  const { json, text } = await send("GET", "/broken");
  expect(json).toMatchObject({ status: 500, code: "internal" });
  expect(text).not.toContain("secrets");
  expect(log).toContain("select * from secrets");
  expect(log).toContain(json.requestId);
});

test("sends only what the answer's schema names", async () => {
  expect((await send("POST", "/things", '{"size":1}')).json).toEqual({ done: true });
});

test("says which methods an address knows", async () => {
  expect((await send("DELETE", "/things")).headers.get("allow")).toBe("POST");
});

test("bytes that are not HTTP get a problem too", async () => {
  const socket = connect(Number(new URL(address).port), "127.0.0.1");
  socket.write("\x16\x03\x01\x02\x00 hello\r\n\r\n");
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1.1 400 .*"code":"malformed_request"/s);
});

test("headers that are too large get a problem too", async () => {
  const response = await send("GET", "/numbers", undefined, { "x-large": "x".repeat(20_000) });
  expect(response).toMatchObject({ status: 431, json: { code: "headers_too_large" } });
});

test("a route without declared access stops the start", async () => {
  expect(() => app.get("/late", async () => "x")).toThrow();
  const other = await makeServer();
  expect(() => other.get("/x", { schema: { response: answer } }, async () => ({ done: true }))).toThrow(
    "declares no access",
  );
});

test("a route with an open body, or without an answer's schema, stops the start", async () => {
  const other = await makeServer();
  const nested = closed({ list: Type.Array(Type.Object({ size: Type.Integer() })) });
  expect(() =>
    other.post("/a", { ...open, schema: { body: nested, response: answer } }, async () => ({ done: true })),
  ).toThrow("open at /properties/list/items");
  expect(() => other.post("/b", { ...open, schema: { response: answer } }, async () => ({ done: true }))).toThrow(
    "no schema for its body",
  );
  expect(() => other.get("/c", open, async () => "x")).toThrow("no schema for its answer");
});

test("an answer about a tenant is not sent when nobody asked for the tenant", async () => {
  expect(await send("GET", "/forgetful")).toMatchObject({ status: 500, json: { code: "internal" } });
  expect(await send("GET", "/careful")).toMatchObject({ status: 200 });
});

test("a list goes on where its page ended, and only there", async () => {
  const first = await send("GET", "/numbers?limit=2");
  expect(first.json.items).toEqual([1, 2]);
  const second = await send("GET", `/numbers?limit=2&cursor=${first.json.nextCursor}`);
  expect(second.json.items).toEqual([3, 4]);
  const third = await send("GET", `/numbers?limit=2&cursor=${second.json.nextCursor}`);
  expect(third.json).toEqual({ items: [5], nextCursor: null });
  for (const other of ["sort=-value", "q=x"]) {
    const refused = await send("GET", `/numbers?${other}&cursor=${first.json.nextCursor}`);
    expect(refused.json.code).toBe("cursor_invalid");
  }
});

test.each([
  { header: '"7"', status: 200 },
  { header: '"6"', status: 412 },
  { header: "*", status: 200 },
  { header: undefined, status: 200 },
])("a change with If-Match $header on revision 7 answers $status", async ({ header, status }) => {
  const response = await send("PATCH", "/thing", "{}", header === undefined ? {} : { "if-match": header });
  expect(response.status).toBe(status);
});

test("the document names every route's access and the errors' form", async () => {
  const { json } = await send("GET", "/api/docs/openapi.json");
  expect(json.openapi).toBe("3.1.0");
  expect(json.paths["/things"].post["x-postern-access"]).toEqual({ permission: "test", scope: "public" });
  expect(json.paths["/careful"].get["x-postern-access"]).toEqual({ permission: "t", scope: "tenant" });
  expect(json.paths["/things"].post.responses.default.content).toHaveProperty("application/problem+json");
});

test("answers are kept by no cache and framed by no page", async () => {
  const { headers } = await send("GET", "/numbers");
  expect(headers.get("cache-control")).toBe("no-store");
  expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
});

test("the log has one line for a request, without query, body and headers", async () => {
  await send("POST", "/things", '{"size":12345}', { authorization: "Bearer pst_secret", cookie: "pst=hidden" });
  await send("GET", "/numbers?q=private");
  app.log.info({ headers: { authorization: "Bearer pst_secret" } }, "careless");
  const lines = log
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.filter((line) => line.msg === "request").map((line) => [line.method, line.path, line.status])).toEqual([
    ["POST", "/things", 200],
    ["GET", "/numbers", 200],
  ]);
  expect(log).not.toMatch(/12345|pst_secret|hidden|private/);
});

test("a held request ends when the server closes", async () => {
  const other = await makeServer();
  let end = () => {};
  other.get("/held", { ...open, schema: { response: answer } }, async () => {
    await new Promise<void>((resolve) => {
      end = resolve;
    });
    throw new Problem("not_ready");
  });
  other.addHook("preClose", async () => end());
  const held = fetch(`${await other.listen({ host: "127.0.0.1", port: 0 })}/held`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await other.close();
  expect((await held).status).toBe(503);
});
