import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { requireListed } from "./agents/listed.fixture.ts";
import type { CheckInTiming } from "./check-in/timing.ts";
import { type Config, type Deployment, loadConfig } from "./config/config.ts";
import { unlistedError } from "./http/errors.ts";
import type { RoleBinding } from "./identity/roles.ts";
import { startCluster } from "./serve.ts";
import { makeTestDatabase, type TestDatabase } from "./test-database.fixture.ts";

/** A whole cluster in this process, on loopback, with a clock that the test moves. */
export interface TestCluster {
  readonly url: string;
  readonly directory: string;
  readonly database: TestDatabase;
  /** What the log holds so far. */
  log(): string;
  /** Moves the cluster's clock. */
  advance(ms: number): void;
  now(): number;
  /** Stops and starts it again on the same data, or on what `meanwhile` makes of them. */
  restart(meanwhile?: () => Promise<void>): Promise<void>;
  /** Stops it for as long as `work` lasts. */
  pause(work: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

export const adminPassword = "correct horse battery";

/** Hashing passwords in tests takes no time. */
const cheap = { memoryKiB: 64, passes: 1, lanes: 1 };

export async function startTestCluster(
  options: {
    deployment?: Deployment;
    timing?: CheckInTiming;
    watchEveryMs?: number;
    cleanUpEveryMs?: number;
    env?: Readonly<Record<string, string>>;
  } = {},
): Promise<TestCluster> {
  const database = await makeTestDatabase("migrated");
  const passwordFile = join(database.directory, "../password");
  writeFileSync(passwordFile, `${adminPassword}\n`);
  const config: Config = loadConfig({
    flags: {},
    env: {
      POSTERN_DATA: database.directory,
      DATABASE_URL: database.url ?? undefined,
      POSTERN_LISTEN: "127.0.0.1:0",
      POSTERN_DEPLOYMENT: options.deployment,
      POSTERN_ADMIN_PASSWORD_FILE: passwordFile,
      POSTERN_LOG_LEVEL: "info",
      POSTERN_TOKENS_PER_MINUTE: "1000000",
      ...options.env,
    },
    file: null,
  });
  let offset = 0;
  let log = "";
  const now = () => Date.now() + offset;
  const start = () =>
    startCluster({
      config,
      timing: options.timing,
      watchEveryMs: options.watchEveryMs,
      cleanUpEveryMs: options.cleanUpEveryMs,
      clock: { now },
      randomBytes,
      cost: cheap,
      version: "0.0.0",
      log: {
        level: config.logLevel,
        stream: {
          write: (line) => {
            log += line;
          },
        },
      },
      onDeath: (error) => {
        throw error;
      },
    });
  let running = await start();
  return {
    get url() {
      return running.url;
    },
    directory: config.dataDirectory,
    database,
    log: () => log,
    advance(ms) {
      offset += ms;
    },
    now,
    async restart(meanwhile) {
      await running.close();
      await meanwhile?.();
      running = await start();
    },
    async pause(work) {
      await running.close();
      try {
        await work();
      } finally {
        running = await start();
      }
    },
    async close() {
      await running.close();
      await requireListed(database);
      await database.remove();
      requireListedErrors(log);
    },
  };
}

/** @throws {Error} when an operation answered with an error that its documentation does not list */
function requireListedErrors(log: string): void {
  const lines = log.split("\n").filter((line) => line.includes(unlistedError));
  const found = lines.map((line) => JSON.parse(line) as { operation: string; code: string });
  const missing = [...new Set(found.map(({ operation, code }) => `"${operation}": "${code}"`))];
  if (missing.length > 0) throw new Error(`Add to src/operation-errors.ts: ${missing.join(", ")}`);
}

export interface TestAnswer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly json: any;
}

/** Somebody who sends requests to a cluster. */
export interface Caller {
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<TestAnswer>;
}

/** Sends what a browser of ours would, or with other `headers` what somebody else would. Paths are those below /api/v1. */
export function caller(cluster: TestCluster, own: Record<string, string> = {}): Caller {
  return {
    async send(method, path, body, headers = {}) {
      const response = await fetch(`${cluster.url}/api/v1${path}`, {
        method,
        headers: { ...own, ...(body !== undefined && { "content-type": "application/json" }), ...headers },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, json: text === "" ? null : JSON.parse(text) };
    },
  };
}

/** A person who logs in by name and password. */
export async function logIn(cluster: TestCluster, name: string, password: string): Promise<Caller> {
  const answer = await caller(cluster).send("POST", "/session", { name, password });
  const [cookie] = answer.headers.getSetCookie();
  if (answer.status !== 201 || cookie === undefined) throw new Error(`log-in answered ${JSON.stringify(answer.json)}`);
  return caller(cluster, { cookie: cookie.split(";", 1)[0] ?? "", "sec-fetch-site": "same-origin" });
}

export function logInAsAdmin(cluster: TestCluster): Promise<Caller> {
  return logIn(cluster, "admin", adminPassword);
}

/** Makes a user with these roles and logs in as him. */
export async function makeUser(
  cluster: TestCluster,
  admin: Caller,
  name: string,
  roles: readonly RoleBinding[],
): Promise<Caller & { id: string }> {
  const password = `the password of ${name}`;
  const answer = await admin.send("POST", "/users", { name, password, roles });
  if (answer.status !== 201) throw new Error(`making ${name} answered ${JSON.stringify(answer.json)}`);
  return { ...(await logIn(cluster, name, password)), id: answer.json.id };
}
