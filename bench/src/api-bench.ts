import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { enrol } from "../../packages/cluster/src/check-in/fake-agent.fixture.ts";
import { startPostgresServer } from "../../packages/cluster/src/postgres-server.fixture.ts";
import { call, logInAsAdmin } from "../../packages/cluster/test/http-client.ts";
import { type RunningCluster, startCluster } from "../../packages/cluster/test/running-cluster.ts";
import { cpuTimeOf } from "./cpu-time.ts";
import { type LoadRequest, loadFor } from "./http-load.ts";
import { median } from "./median.ts";
import type { Table } from "./table.ts";

/**
 * Requests under way at any moment. A durable server answers those together that one flush of the disk has stored, so it needs more of
 * them than one that keeps its tokens in memory, which is as fast with a quarter.
 */
const atOnce = 256;
const roundMs = 2_000;

interface Server {
  readonly name: string;
  /** The request that has it issue one more token. */
  readonly request: LoadRequest;
  readonly status: number;
  /** Of the program that is asked; a database beside it is another. */
  readonly processId: number | undefined;
  stop(): Promise<void>;
}

interface Turn {
  readonly perSecond: number;
  /** Microseconds of processor time for each token. */
  readonly cpu: number;
}

/**
 * Tokens per second over HTTP: ours are in the database and in the audit log before they leave, flushed to disk; the peer keeps its own in
 * memory. Same client, same run, in turns; each server is a process of its own beside the client's.
 *
 * The bare server shows the ceiling: what the same web framework reaches that only reads the request, signs and answers.
 */
export async function apiBench(rounds: number): Promise<Table> {
  const servers: Server[] = [];
  try {
    for (const start of [startPeer, startBare, startOnSqlite, startOnPostgres]) servers.push(await start());
    const turns = new Map<Server, Turn[]>(servers.map((server) => [server, []]));
    for (const server of servers) await turn(server); // warm up
    for (let round = 0; round < rounds; round++) {
      for (const server of servers) turns.get(server)?.push(await turn(server));
    }
    const figures = servers.map((server) => {
      const all = turns.get(server) ?? [];
      return {
        name: server.name,
        perSecond: median(all.map(({ perSecond }) => perSecond)),
        cpu: median(all.map(({ cpu }) => cpu)),
      };
    });
    const measure = figures[0]?.perSecond ?? 1;
    return {
      columns: ["who", "tokens per second", "of oidc-provider", "CPU µs per token"],
      rows: figures.map(({ name, perSecond, cpu }) => [name, perSecond, perSecond / measure, cpu]),
    };
  } finally {
    for (const server of servers) await server.stop();
  }
}

async function turn({ request, status, processId }: Server): Promise<Turn> {
  const before = cpuTimeOf(processId) ?? Number.NaN;
  const started = performance.now();
  const perSecond = await loadFor(request, { atOnce, durationMs: roundMs, status });
  const tokens = (perSecond * (performance.now() - started)) / 1000;
  return { perSecond, cpu: ((cpuTimeOf(processId) ?? Number.NaN) - before) / tokens };
}

function startPeer(): Promise<Server> {
  const [clientId, clientSecret] = ["bench", "a secret of this run alone"];
  const credentials = [clientId, clientSecret].map(encodeURIComponent).join(":");
  const headers = {
    authorization: `Basic ${Buffer.from(credentials).toString("base64")}`,
    "content-type": "application/x-www-form-urlencoded",
  };
  const request = { path: "/token", headers, body: "grant_type=client_credentials" };
  return startProgram("oidc-provider, in memory", ["oidc-peer.ts", clientId, clientSecret], request, 200);
}

function startBare(): Promise<Server> {
  const headers = { "content-type": "application/json" };
  const request = { path: "/agent-tokens", headers, body: bodyFor(randomUUID()) };
  return startProgram("only read, signed, answered", ["bare-server.ts"], request, 201);
}

/** A server that prints its address when it listens. */
async function startProgram(
  name: string,
  [program = "", ...args]: readonly string[],
  { path, ...request }: Omit<LoadRequest, "url"> & { readonly path: string },
  status: number,
): Promise<Server> {
  const command = [join(import.meta.dirname, program), ...args];
  const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"] });
  const [url] = (await once(createInterface(child.stdout), "line")) as [string];
  return {
    name,
    request: { ...request, url: `${url}${path}` },
    status,
    processId: child.pid,
    async stop() {
      const gone = once(child, "exit");
      child.kill();
      await gone;
    },
  };
}

function bodyFor(agentId: string): string {
  return JSON.stringify({ kind: "agent", agentId, reason: "how many in a second" });
}

async function startOnSqlite(): Promise<Server> {
  return serverOf("postern on SQLite", await startCluster());
}

async function startOnPostgres(): Promise<Server> {
  const database = await startPostgresServer({ durable: true });
  const cluster = await startCluster({ env: { DATABASE_URL: `${database.url}/postgres` } });
  const server = await serverOf("postern on PostgreSQL", cluster);
  return {
    ...server,
    async stop() {
      await server.stop();
      await database.stop();
    },
  };
}

/** A cluster with one Windows agent, for which a program generates tokens. */
async function serverOf(name: string, cluster: RunningCluster): Promise<Server> {
  const admin = await logInAsAdmin(cluster);
  const tenant = await call<{ id: string }>(cluster, admin, "POST", "/tenants", { name: "bench" });
  const activation = await call<{ key: string }>(cluster, admin, "POST", "/activation-keys", { tenantId: tenant.id });
  const agent = await enrol(cluster.url, activation.key, { hostName: "ws-bench" });
  await agent.checkIn({ applied: { rev: 0 } });
  const roles = [{ role: "site_admin", tenantId: null }];
  const { key } = await call<{ key: string }>(cluster, admin, "POST", "/api-keys", { name: "bench", roles });
  const request = {
    url: `${cluster.url}/api/v1/agent-tokens`,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: bodyFor(agent.agentId),
  };
  return { name, request, status: 201, processId: cluster.processId, stop: () => cluster.remove() };
}
