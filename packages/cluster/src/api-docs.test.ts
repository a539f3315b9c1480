import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ApiDocument, ApiOperation } from "./http/api-document.ts";
import { fits, type JsonSchema } from "./http/examples.ts";
import { anywhere } from "./http/operation-codes.ts";
import { type ProblemCode, problems } from "./http/problems.ts";
import { operationErrors } from "./operation-errors.ts";
import { startTestCluster, type TestCluster } from "./test-cluster.fixture.ts";

let cluster: TestCluster;
let document: ApiDocument;
let page: string;
let operations: readonly { readonly name: string; readonly operation: ApiOperation }[];

beforeAll(async () => {
  cluster = await startTestCluster();
  document = (await (await fetch(`${cluster.url}/api/docs/openapi.json`)).json()) as ApiDocument;
  page = await (await fetch(`${cluster.url}/api/docs`)).text();
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
  );
});

afterAll(() => cluster.close());

const routerName = (name: string) => name.replaceAll(/\{([^}]+)\}/g, ":$1");

describe("the OpenAPI document", () => {
  test("is of version 3.1, and each operation has an id of its own, a summary, and a rule of access", () => {
    expect(document.openapi).toBe("3.1.0");
    expect(operations.length).toBeGreaterThan(70);
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { name, operation } of operations) {
      const isOurs = name.includes("/api/v1/");
      expect.soft(operation["x-postern-access"], name).toBeDefined();
      if (isOurs) expect.soft(operation.summary, name).toMatch(/^[A-Z].*[^.]$/s);
      if (isOurs) expect.soft(operation.tags?.length, name).toBe(1);
    }
  });

  test("has an example of each parameter, request and answer, and each fits its schema", () => {
    let count = 0;
    for (const { name, operation } of operations) {
      const shown = [
        ...(operation.parameters ?? []),
        ...Object.values(operation.requestBody?.content ?? {}),
        ...Object.entries(operation.responses).flatMap(([status, { content }]) =>
          /^2/.test(status) ? Object.values(content ?? {}) : [],
        ),
      ];
      for (const { schema, example } of shown) {
        expect.soft(example, name).not.toBeUndefined();
        const isFit = fits((schema ?? {}) as JsonSchema, example);
        expect.soft(isFit, `${name}: ${JSON.stringify(example)} does not fit ${JSON.stringify(schema)}`).toBe(true);
        count += 1;
      }
    }
    expect(count).toBeGreaterThan(150);
  });

  test("lists the codes of each operation, with an example of each that fits the schema of errors", () => {
    const schema = (document.components as { schemas: { Problem: JsonSchema } }).schemas.Problem;
    for (const { name, operation } of operations) {
      const codes = Object.entries(operation.responses).flatMap(([status, { content }]) =>
        Object.entries(content?.["application/problem+json"]?.examples ?? {}).map(([code, { value }]) => {
          expect.soft(fits(schema, value), `${name} ${code}`).toBe(true);
          expect.soft(String(problems[code as ProblemCode][0]), `${name} ${code}`).toBe(status);
          return code;
        }),
      );
      expect.soft(codes.toSorted(), name).toEqual(operation["x-postern-errors"].toSorted());
      expect.soft(codes, name).toContain("validation_failed");
    }
  });
});

describe("every error", () => {
  test("is one of some operation, or of all", () => {
    const listed = new Set<string>([
      ...anywhere,
      ...Object.values(operationErrors).flat(),
      ...operations.flatMap(({ operation }) => operation["x-postern-errors"]),
    ]);
    expect(Object.keys(problems).filter((code) => !listed.has(code))).toEqual([]);
  });

  test("is given somewhere in the program", () => {
    const text = globSync("**/*.ts", { cwd: import.meta.dirname })
      .filter((file) => !/(\.test|\.fixture)\.ts$|http[/\\]problems\.ts$|operation-(errors|codes)\.ts$/.test(file))
      .map((file) => readFileSync(join(import.meta.dirname, file), "utf8"))
      .join("\n");
    expect(Object.keys(problems).filter((code) => !text.includes(`"${code}"`))).toEqual([]);
  });

  test("of the list belongs to an operation that there is", () => {
    const names = new Set(operations.map(({ name }) => routerName(name)));
    // The routes of an identity provider are there when one is configured.
    const unknown = Object.keys(operationErrors).filter((name) => !names.has(name) && !name.includes(" /oidc/"));
    expect(unknown).toEqual([]);
  });
});

describe("the page of the API", () => {
  test("loads nothing and runs nothing", async () => {
    const response = await fetch(`${cluster.url}/api/docs`);
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    );
    expect(page).not.toMatch(/<script|<link|<img|<iframe|\son[a-z]+=|\sstyle=|src=/i);
    const addresses = [...page.matchAll(/href="([^"]*)"/g)].map(([, address]) => address);
    expect(addresses.filter((address) => !/^(#|\/api\/docs\/openapi\.json$)/.test(address ?? ""))).toEqual([]);
  });

  test("has a place for each operation, with its access, its example and its errors, and each link leads somewhere", () => {
    for (const { name, operation } of operations) {
      const [, section = ""] = page.split(`<section id="${operation.operationId}">`);
      const [shown = ""] = section.split("</section>");
      expect.soft(shown, name).toContain('class="access"');
      expect.soft(shown, name).toContain("<pre>curl ");
      for (const code of operation["x-postern-errors"]) expect.soft(shown, name).toContain(`<code>${code}</code>`);
    }
    const anchors = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, anchor]) => anchor));
    for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) expect.soft(anchors).toContain(target);
  });

  test("names the roles that may", () => {
    const [, section = ""] = page.split('<section id="post-agent-tokens">');
    expect(section.split("</section>")[0]).toContain("<code>tenant_owner</code> (on saas)");
  });
});
