import { afterAll, beforeAll, expect, test } from "vitest";
import { type PostgresServer, startPostgresServer } from "../../src/postgres-server.fixture.ts";
import { type Caller, call, expectProblem, listAll, logInAsAdmin, send } from "../http-client.ts";
import { type RunningCluster, startCluster } from "../running-cluster.ts";

// A node whose database goes away and comes back. The server has a durable disk here, and dies as in a crash.

let server: PostgresServer;
let cluster: RunningCluster;
let admin: Caller;

beforeAll(async () => {
  server = await startPostgresServer({ durable: true });
  cluster = await startCluster({ env: { DATABASE_URL: `${server.url}/postgres` } });
  admin = await logInAsAdmin(cluster);
});

afterAll(async () => {
  // First: it must end also when the cluster never started.
  await server.stop();
  await cluster.remove();
});

test("while the database is away the node says so, and it goes on once it is back", async () => {
  const made = await call<{ id: string }>(cluster, admin, "POST", "/tenants", { name: "before" });
  await server.stopAtOnce();
  expect((await fetch(`${cluster.url}/readyz`)).status).toBe(503);
  expect((await fetch(`${cluster.url}/healthz`)).status).toBe(200);
  await expectProblem(await send(cluster, admin, "GET", "/tenants"), 503, "not_ready");
  await expectProblem(await send(cluster, admin, "POST", "/tenants", { name: "during" }), 503, "not_ready");
  const giveUpAt = Date.now() + 5_000;
  while (!cluster.log().includes("changes cannot be read") && Date.now() < giveUpAt) await pause(20);
  expect(cluster.log(), "the operator can see that the other nodes are not heard").toContain("changes cannot be read");
  await server.startAgain();
  expect((await fetch(`${cluster.url}/readyz`)).status).toBe(200);
  await call(cluster, admin, "POST", "/tenants", { name: "after" });
  const tenants = await listAll<{ id: string; name: string }>(cluster, admin, "/tenants");
  expect(tenants.map(({ name }) => name)).toEqual(["after", "before"]);
  expect(tenants.map(({ id }) => id)).toContain(made.id);
});

test("a server that dies while the node writes has kept all that the node acknowledged", async () => {
  const acknowledged = new Set<string>();
  let dead = false;
  const writeUntilRefused = async (writer: number): Promise<void> => {
    for (let index = 0; ; index++) {
      const name = `w${writer}-${acknowledged.size}-${index}`;
      const response = await send(cluster, admin, "POST", "/tenants", { name });
      if (response.status !== 201) {
        expect(dead, await response.text()).toBe(true);
        return;
      }
      acknowledged.add(((await response.json()) as { id: string }).id);
    }
  };
  for (let round = 0; round < 3; round++) {
    dead = false;
    const writers = [1, 2, 3, 4].map((writer) => writeUntilRefused(writer));
    while (acknowledged.size <= (round + 1) * 5) await pause(10);
    await pause(Math.random() * 200);
    dead = true;
    await server.stopAtOnce();
    await Promise.all(writers);
    await server.startAgain();
    const ids = new Set((await listAll<{ id: string }>(cluster, admin, "/tenants")).map(({ id }) => id));
    expect([...acknowledged].filter((id) => !ids.has(id))).toEqual([]);
    expect(await call(cluster, admin, "GET", "/audit/verification")).toMatchObject({ intact: true });
  }
  expect(acknowledged.size).toBeGreaterThan(12);
});

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
