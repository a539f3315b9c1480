import { afterAll, beforeAll, expect, test } from "vitest";
import { type PostgresServer, startPostgresServer } from "../../src/postgres-server.fixture.ts";
import { addAcknowledged, type Load, nothingYet, prepareLoad } from "../acknowledged-load.ts";
import { logInAsAdmin } from "../http-client.ts";
import { type RunningCluster, startCluster } from "../running-cluster.ts";

// The database's server is killed under the node, and the node lives on. Its disk is a durable one here.

const rounds = 5;
const longestRoundMs = 800;

let server: PostgresServer;
let cluster: RunningCluster;
let load: Load;

beforeAll(async () => {
  server = await startPostgresServer({ durable: true });
  cluster = await startCluster({ env: { DATABASE_URL: `${server.url}/postgres` } });
  load = await prepareLoad(cluster, await logInAsAdmin(cluster));
});
afterAll(async () => {
  await server.stop(); // first: it must end also when the cluster never started
  await cluster.remove();
});

test(`its server killed ${rounds} times under load, the node goes on, and nothing that it acknowledged is lost`, async () => {
  const all = nothingYet();
  for (let round = 0; round < rounds; round++) {
    let dead = false;
    const writing = load.write((error) => {
      if (!dead) return false;
      // The node answers, and says that it cannot.
      expect(String(error)).toMatch(/: 503 |terminated/);
      return true;
    });
    await pause(200 + (round * longestRoundMs) / rounds + Math.random() * 100);
    dead = true;
    await server.kill();
    const written = await writing;
    await server.startAgain();
    await untilReady();
    await load.expectKept(written);
    addAcknowledged(all, written);
  }
  await load.expectKept(all);
  expect(all.tokens.size).toBeGreaterThan(rounds * 2);
  for (const { acknowledged } of load.journals) expect(acknowledged).toBeGreaterThan(rounds);
}, 240_000);

async function untilReady(): Promise<void> {
  const giveUpAt = Date.now() + 30_000;
  while ((await fetch(`${cluster.url}/readyz`)).status !== 200) {
    if (Date.now() > giveUpAt) throw new Error(`The node did not come back: ${cluster.log()}`);
    await pause(50);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
