import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { enrol } from "../../packages/cluster/src/check-in/fake-agent.fixture.ts";
import { startPostgresServer } from "../../packages/cluster/src/postgres-server.fixture.ts";
import { call, logInAsAdmin } from "../../packages/cluster/test/http-client.ts";
import { type RunningCluster, startCluster } from "../../packages/cluster/test/running-cluster.ts";
import { type LoadRequest, loadFor } from "./http-load.ts";
import { median } from "./median.ts";
import type { Table } from "./table.ts";

const atOnce = 64;
const roundMs = 2_000;

interface Server {
  readonly name: string;
  /** The request that has it issue one more token. */
  next(): LoadRequest;
  readonly status: number;
  stop(): Promise<void>;
}

/**
 * Tokens per second over HTTP: ours are in the database and in the audit log before they leave, flushed to disk; the peer keeps its own in
 * memory. Same client, same run, in turns; each server is a process of its own beside the client's.
 */
export async function apiBench(rounds: number): Promise<Table> {
  const servers: Server[] = [];
  try {
    for (const start of [startPeer, startOnSqlite, startOnPostgres]) servers.push(await start());
    const rates = new Map<Server, number[]>(servers.map((server) => [server, []]));
    for (const server of servers) await turn(server); // warm up
    for (let round = 0; round < rounds; round++) {
      for (const server of servers) rates.get(server)?.push(await turn(server));
    }
    const figures = servers.map((server) => ({ name: server.name, perSecond: median(rates.get(server) ?? []) }));
    const measure = figures[0]?.perSecond ?? 1;
    return {
      columns: ["who", "tokens per second", "of oidc-provider"],
      rows: figures.map(({ name, perSecond }) => [name, perSecond, perSecond / measure]),
    };
  } finally {
    for (const server of servers) await server.stop();
  }
}

function turn(server: Server): Promise<number> {
  return loadFor(() => server.next(), { atOnce, durationMs: roundMs, status: server.status });
}

async function startPeer(): Promise<Server> {
  const [clientId, clientSecret] = ["bench", "a secret of this run alone"];
  const program = join(import.meta.dirname, "oidc-peer.ts");
  const child = spawn(process.execPath, [program, clientId, clientSecret], { stdio: ["ignore", "pipe", "inherit"] });
  const [url] = (await once(createInterface(child.stdout), "line")) as [string];
  const credentials = [clientId, clientSecret].map(encodeURIComponent).join(":");
  const body = "grant_type=client_credentials";
  const request = {
    url: `${url}/token`,
    headers: {
      authorization: `Basic ${Buffer.from(credentials).toString("base64")}`,
      "content-type": "application/x-www-form-urlencoded",
      "content-length": String(body.length),
    },
    body,
  };
  return {
    name: "oidc-provider, in memory",
    next: () => request,
    status: 200,
    async stop() {
      const gone = once(child, "exit");
      child.kill();
      await gone;
    },
  };
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

/** A cluster with one Windows agent; its administrators generate tokens for it, in turns. */
async function serverOf(name: string, cluster: RunningCluster): Promise<Server> {
  const admin = await logInAsAdmin(cluster);
  const tenant = await call<{ id: string }>(cluster, admin, "POST", "/tenants", { name: "bench" });
  const activation = await call<{ key: string }>(cluster, admin, "POST", "/activation-keys", { tenantId: tenant.id });
  const agent = await enrol(cluster.url, activation.key, { hostName: "ws-bench" });
  await agent.checkIn({ applied: { rev: 0 } });
  const roles = [{ role: "site_admin", tenantId: null }];
  const { key } = await call<{ key: string }>(cluster, admin, "POST", "/api-keys", { name: "bench", roles });
  const body = JSON.stringify({ kind: "agent", agentId: agent.agentId, reason: "how many in a second" });
  const request = {
    url: `${cluster.url}/api/v1/agent-tokens`,
    headers: {
      authorization: `Bearer ${key}`,
      "content-type": "application/json",
      "content-length": String(Buffer.byteLength(body)),
    },
    body,
  };
  return { name, next: () => request, status: 201, stop: () => cluster.remove() };
}
