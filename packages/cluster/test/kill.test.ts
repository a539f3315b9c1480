import { afterAll, beforeAll, test } from "vitest";
import { addAcknowledged, type Load, nothingYet, prepareLoad } from "./acknowledged-load.ts";
import { logInAsAdmin } from "./http-client.ts";
import { type RunningCluster, startCluster } from "./running-cluster.ts";

const rounds = 12;
/** Longest time that a round writes before the process is killed. */
const longestRoundMs = 600;

let cluster: RunningCluster;
let load: Load;
const all = nothingYet();

beforeAll(async () => {
  cluster = await startCluster();
  load = await prepareLoad(cluster, await logInAsAdmin(cluster));
});
afterAll(() => cluster.remove());

function isEnough(): boolean {
  const counts = [all.tokens.size, all.activationKeys.size, ...load.journals.map(({ acknowledged }) => acknowledged)];
  return counts.every((count) => count > rounds * 2);
}

test(`killed ${rounds} times and more while it writes, the cluster has kept all that it acknowledged`, async () => {
  // A machine that is busy with other things acknowledges less: then it takes more rounds until there is enough to lose.
  for (let round = 0; round < rounds || !isEnough(); round++) {
    const writing = load.write(isTorn);
    await pause(((round % rounds) * longestRoundMs) / rounds + Math.random() * (longestRoundMs / rounds));
    await cluster.kill();
    const written = await writing;
    if (round % 3 === 2) await killWhileStarting();
    await cluster.start();
    await load.expectKept(written);
    addAcknowledged(all, written);
  }
  await load.expectKept(all);
}, 240_000);

/** What fetch throws when nobody answers, or the answer is torn. */
function isTorn(error: unknown): boolean {
  return error instanceof TypeError && /fetch failed|terminated/.test(error.message);
}

async function killWhileStarting(): Promise<void> {
  cluster.launch();
  await pause(Math.random() * 700);
  await cluster.kill();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
