import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { get as httpGet, type IncomingMessage } from "node:http";
import { get as httpsGet } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engine, makePostgresDatabase } from "../src/test-database.fixture.ts";
import { compiledBefore } from "./quick-temp.ts";

/** The program itself, as an operator starts it. */
export const posternProgram = join(import.meta.dirname, "../bin/postern.mjs");

/** A cluster that runs as a process of its own, on loopback, with a data directory that goes away at the end. */
export interface RunningCluster {
  readonly url: string;
  readonly directory: string;
  readonly adminPassword: string;
  /** What the process finds in its environment, for other commands on the same data. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of the process that runs now. */
  readonly processId: number | undefined;
  /** What it wrote on standard output and standard error so far. */
  log(): string;
  /** Ends the process at once, with nothing of it left to run, and resolves when it is gone. */
  kill(): Promise<void>;
  /** Ends the process in an orderly way and gives its exit code. */
  stop(): Promise<number | null>;
  /** Starts it again on the same data and the same port, and does not wait for it. */
  launch(): void;
  /** Starts it again and resolves when it is ready. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  remove(): Promise<void>;
}

export interface ClusterSettings {
  /** Where it listens, for whoever must know it before: see {@link freePort}. */
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** PEM files; without them the cluster speaks plain HTTP. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
}

const readyWithinMs = 30_000;

/** Starts a new cluster and resolves when it is ready. */
export async function startCluster({ port: given, env = {}, tls }: ClusterSettings = {}): Promise<RunningCluster> {
  const directory = await mkdtemp(join(tmpdir(), "postern-whole-"));
  const adminPassword = randomBytes(18).toString("base64url");
  const passwordFile = join(directory, "admin-password");
  await writeFile(passwordFile, `${adminPassword}\n`, { mode: 0o600 });
  const ownDatabase =
    engine === "postgres" && env["DATABASE_URL"] === undefined ? await makePostgresDatabase("migrated") : null;
  const port = given ?? (await freePort());
  const url = `${tls ? "https" : "http"}://127.0.0.1:${port}`;
  const childEnv = {
    PATH: process.env["PATH"],
    HOME: directory,
    ...compiledBefore(),
    POSTERN_DATA: join(directory, "data"),
    POSTERN_LISTEN: `127.0.0.1:${port}`,
    POSTERN_ADMIN_PASSWORD_FILE: passwordFile,
    POSTERN_TOKENS_PER_MINUTE: "1000000", // tests and benchmarks are one user each
    ...(ownDatabase ? { DATABASE_URL: ownDatabase.url } : {}),
    ...(tls ? { POSTERN_TLS_CERT: tls.certFile, POSTERN_TLS_KEY: tls.keyFile } : {}),
    ...env,
  };
  let child: ChildProcess | undefined;
  let log = "";

  function launch(): ChildProcess {
    const started = spawn(process.execPath, [posternProgram, "serve"], { env: childEnv, stdio: "pipe" });
    child = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        log += chunk.toString();
      });
    }
    return started;
  }

  async function ended(signal: NodeJS.Signals): Promise<number | null> {
    const running = child;
    child = undefined;
    if (!running || running.exitCode !== null || running.signalCode !== null) return running?.exitCode ?? null;
    const closed = new Promise<number | null>((resolve) => running.once("close", (code) => resolve(code)));
    running.kill(signal);
    return closed;
  }

  const cluster: RunningCluster = {
    url,
    directory,
    adminPassword,
    env: childEnv,
    get processId() {
      return child?.pid;
    },
    log: () => log,
    async kill() {
      await ended("SIGKILL");
    },
    stop: () => ended("SIGTERM"),
    launch() {
      launch();
    },
    async start() {
      await untilReady(url, tls?.certFile, launch(), () => log);
    },
    async remove() {
      await ended("SIGKILL");
      await ownDatabase?.drop();
      await rm(directory, { recursive: true, force: true });
    },
  };
  try {
    await cluster.start();
  } catch (error) {
    await cluster.remove();
    throw error;
  }
  return cluster;
}

async function untilReady(
  url: string,
  authorityFile: string | undefined,
  child: ChildProcess,
  log: () => string,
): Promise<void> {
  const ca = authorityFile === undefined ? undefined : await readFile(authorityFile);
  const giveUpAt = performance.now() + readyWithinMs;
  while (performance.now() < giveUpAt) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    if ((await statusOf(`${url}/readyz`, ca)) === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  child.kill("SIGKILL");
  throw new Error(`The cluster did not become ready. It wrote:\n${log()}`);
}

/** The status that answers a GET, or undefined when nobody does. */
function statusOf(url: string, ca: Buffer | undefined): Promise<number | undefined> {
  return new Promise((resolve) => {
    const answered = (response: IncomingMessage) => {
      response.resume();
      resolve(response.statusCode);
    };
    const request = ca ? httpsGet(url, { ca, agent: false }, answered) : httpGet(url, { agent: false }, answered);
    request.on("error", () => resolve(undefined));
  });
}

/** A port on loopback that nobody uses at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
