import { expect } from "vitest";
import { type ProblemBody, problems } from "../src/http/problems.ts";
import type { RunningCluster } from "./running-cluster.ts";

/** Somebody who sends requests to the management API. */
export interface Caller {
  /** Headers that say who it is. */
  readonly headers: Readonly<Record<string, string>>;
}

export const nobody: Caller = { headers: {} };

/** Logs in by name and password. */
export async function logIn(cluster: RunningCluster, name: string, password: string): Promise<Caller> {
  const response = await fetch(`${cluster.url}/api/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: cluster.url },
    body: JSON.stringify({ name, password }),
  });
  const cookie = response.headers.getSetCookie()[0]?.split(";", 1)[0];
  if (!response.ok || cookie === undefined) throw new Error(`log-in failed: ${await response.text()}`);
  return { headers: { cookie, "sec-fetch-site": "same-origin" } };
}

export async function logInAsAdmin(cluster: RunningCluster): Promise<Caller> {
  return logIn(cluster, "admin", cluster.adminPassword);
}

/** Sends `body` as JSON and gives the answer's JSON. @throws when the cluster refuses */
export async function call<Answer = Record<string, unknown>>(
  cluster: RunningCluster,
  caller: Caller,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const response = await send(cluster, caller, method, path, body);
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return (text === "" ? undefined : JSON.parse(text)) as Answer;
}

/** Every item of a list. */
export async function listAll<Item>(cluster: RunningCluster, caller: Caller, path: string): Promise<Item[]> {
  const items: Item[] = [];
  const separator = path.includes("?") ? "&" : "?";
  let cursor: string | null = null;
  do {
    const after: string = cursor === null ? "" : `&cursor=${cursor}`;
    const page: { items: Item[]; nextCursor: string | null } = await call(
      cluster,
      caller,
      "GET",
      `${path}${separator}limit=500${after}`,
    );
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return items;
}

/** Sends `body` as JSON and gives the answer, whatever it is. */
export async function send(
  cluster: RunningCluster,
  caller: Caller,
  method: string,
  path: string,
  body?: unknown,
): Promise<Response> {
  return fetch(`${cluster.url}/api/v1${path}`, {
    method,
    headers: { ...caller.headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** Checks that an answer is an error as the API promises them, and gives its body. */
export async function expectProblem(response: Response, status: number, ...codes: string[]): Promise<ProblemBody> {
  const text = await response.text();
  expect(`${response.status} ${text}`).toMatch(new RegExp(`^${status} `));
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const problem = JSON.parse(text) as ProblemBody;
  expect(problem.status).toBe(status);
  expect(Object.keys(problems)).toContain(problem.code);
  if (codes.length > 0) expect(codes).toContain(problem.code);
  expect(problem.type).toBe(`urn:postern:problem:${problem.code}`);
  expect(problem.title).toMatch(/^\S.*\S$/);
  expect(problem.detail).toMatch(/^[A-Z"].*[.!?`]$/s);
  for (const { pointer, code, detail } of problem.errors ?? []) {
    expect(pointer).toMatch(/^(\/.*)?$/);
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(detail).toMatch(/^[A-Z].*\.$/s);
    expect(detail, "people cannot read patterns").not.toMatch(/must match (pattern|format)/);
  }
  expect(problem.requestId).toMatch(/^[0-9a-f-]{36}$/);
  expect(response.headers.get("request-id")).toBe(problem.requestId);
  return problem;
}
