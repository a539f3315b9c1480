import { generateKeyPairSync } from "node:crypto";
import { signerOf, verifyKeyOf } from "@postern/protocol";
import type { Signer } from "@postern/token";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openCheckpointFile } from "./checkpoint.ts";
import { createCheckpoints, readCheckpointFile } from "./checkpoints.ts";
import { type AuditScene, auditEvent, openAuditScene } from "./scene.fixture.ts";
import { verifyCheckpoints } from "./verify-checkpoints.ts";

let scene: AuditScene;
/** The audit keys, oldest first; the last of them is the active one. */
let signers: Signer[];
let lost: string | null;
beforeEach(async () => {
  scene = await openAuditScene();
  signers = [scene.signer];
  lost = null;
});
afterEach(() => scene.close());

function rotate(): Signer {
  const signer = signerOf(generateKeyPairSync("ed25519").privateKey);
  signers.push(signer);
  return signer;
}

/** A node of its own: what it knows of checkpoints comes from the database. */
function node() {
  const { store, clock, keys } = scene;
  return createCheckpoints({
    store,
    clock,
    clusterId: keys.clusterId,
    signers: async () => ({
      active: signers.at(-1) ?? scene.signer,
      of: (kid) => (kid === lost ? null : (signers.find((signer) => signer.kid === kid) ?? null)),
    }),
  });
}

const keys = () => new Map(signers.map((signer) => [signer.kid, verifyKeyOf(signer.publicJwk)]));
const verdict = async () =>
  (await verifyCheckpoints(scene.store.reads, { clusterId: scene.keys.clusterId, auditKeys: keys() })).fault?.code;
const rows = () => scene.store.reads.selectFrom("audit_checkpoint").select(["n", "kid", "jws"]).orderBy("n").execute();

async function sign(checkpoints = node()): Promise<void> {
  await scene.recordAll([auditEvent("tenant.create")]);
  await checkpoints.signHeads();
}

test("a new audit key is vouched for by the one before, and what that one signed goes on verifying", async () => {
  const checkpoints = node();
  await sign(checkpoints);
  const [kept] = await rows();
  const file = kept && (await readCheckpointFile(scene.store.reads, kept, () => true));
  const [first] = signers;
  const second = rotate();
  await checkpoints.signHeads(); // also when nothing has happened meanwhile
  await sign(checkpoints);
  const third = rotate();
  await sign(checkpoints);
  await sign(checkpoints);
  expect((await rows()).map(({ kid }) => kid)).toEqual([first, first, second, second, third].map((one) => one?.kid));
  const named = (await rows()).map(({ jws }) =>
    JSON.parse(Buffer.from(jws.split(".")[1] ?? "", "base64url").toString()),
  );
  expect(named.map(({ next }) => next)).toEqual([undefined, second.kid, undefined, third.kid, undefined]);
  expect(await verdict()).toBeUndefined();
  // A checkpoint that was kept outside, with the public keys of the cluster.
  expect(openCheckpointFile(file, (kid) => keys().get(kid)).claims.n).toBe(1);
});

test("a node that has not heard of the rotation yet does not spoil it", async () => {
  const stale = node();
  await sign(stale);
  rotate();
  await sign();
  const active = signers.pop();
  await sign(stale);
  if (active) signers.push(active);
  await sign();
  await sign();
  expect(await verdict()).toBeUndefined();
});

test("a key that nobody has vouched for shows, although it is the cluster's own", async () => {
  await sign();
  rotate();
  lost = scene.signer.kid;
  await sign();
  expect(await verdict()).toBe("unvouched_key");
});

test("an older key that signs again after its successor shows", async () => {
  await sign();
  const second = rotate();
  await sign();
  await sign();
  expect(await verdict()).toBeUndefined();
  signers = [second, scene.signer];
  lost = second.kid;
  await sign();
  expect(await verdict()).toBe("unvouched_key");
});
