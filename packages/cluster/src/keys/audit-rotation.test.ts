import { afterAll, expect, test } from "vitest";
import { logInAsAdmin, startTestCluster } from "../test-cluster.fixture.ts";

const cluster = await startTestCluster();
let admin = await logInAsAdmin(cluster);
afterAll(() => cluster.close());
const reason = "once a year";

async function restart(): Promise<void> {
  await cluster.restart();
  admin = await logInAsAdmin(cluster);
}

test("a rotated audit key signs from then on, the log verifies over both, and agents hear nothing of it", async () => {
  await restart(); // its end has signed a checkpoint
  const [before] = (await admin.send("GET", "/keys?use=audit")).json.items;
  const { status, json } = await admin.send("POST", "/keys/audit/rotate", { reason });
  expect(status).toBe(201);
  expect(json).toMatchObject({ made: { use: "audit", state: "active" }, trustBundleVersion: 1 });
  await restart();
  await restart();
  const verified = (await admin.send("GET", "/audit/verification")).json;
  expect(verified).toMatchObject({ intact: true, checkpoints: { fault: null } });
  const { items } = (await admin.send("GET", "/audit/checkpoints?sort=-n")).json;
  expect(items[0].kid).toBe(json.made.kid);
  expect(items.at(-1).kid).toBe(before.kid);
  const jwks = JSON.stringify(await (await fetch(`${cluster.url}/.well-known/jwks.json`)).json());
  for (const kid of [before.kid, json.made.kid]) expect(jwks).toContain(kid);
  const states = (await admin.send("GET", "/keys?use=audit&sort=createdAt")).json.items;
  expect(states.map(({ state }: { state: string }) => state)).toEqual(["retired", "active"]);
  // Its private half stays: what it vouched for could not be told from a forgery without it.
  const destroy = await admin.send("POST", `/keys/${before.kid}/destroy`, { reason, stranded: 0 });
  expect(destroy.json.code).toBe("key_not_replaceable");
});
