import { generateKeyPairSync } from "node:crypto";
import { signerOf, verifyKeyOf } from "@postern/protocol";
import { signCompact } from "@postern/token";
import { compactVerify, importJWK } from "jose";
import { expect, test } from "vitest";
import {
  type CheckpointClaims,
  digestOfHeads,
  keysOfJwks,
  leafOf,
  openCheckpoint,
  openCheckpointFile,
  sealCheckpoint,
} from "./checkpoint.ts";

const signer = signerOf(generateKeyPairSync("ed25519").privateKey);
const key = verifyKeyOf(signer.publicJwk);
const keyOf = (kid: string) => (kid === key.kid ? key : undefined);
const heads = [
  { chain: "cluster", seq: 12, hash: "a".repeat(64) },
  { chain: "t1", seq: 3, hash: "b".repeat(64) },
];
const claims: CheckpointClaims = {
  iss: "urn:postern:cluster:x",
  iat: 1_700_000_000,
  n: 7,
  prev: "c".repeat(64),
  chains: 2,
  heads: digestOfHeads(heads.map(leafOf)),
};
const checkpoint = await sealCheckpoint(claims, signer);

test("a checkpoint comes back as it was signed, and jose verifies it by its own header", async () => {
  expect(openCheckpoint(checkpoint, keyOf)).toEqual(claims);
  const { payload, protectedHeader } = await compactVerify(checkpoint, await importJWK(signer.publicJwk, "EdDSA"));
  expect(JSON.parse(Buffer.from(payload).toString())).toEqual(claims);
  expect(protectedHeader).toEqual({
    typ: "audit-checkpoint+jwt",
    alg: "Ed25519",
    kid: signer.kid,
    jwk: signer.publicJwk,
  });
});

test("has one length for any number of chains", async () => {
  const many = await sealCheckpoint({ ...claims, chains: 100_000 }, signer);
  expect(many.length - checkpoint.length).toBeLessThan(10);
});

test.each([
  ["of another type", () => signCompact({ typ: "agent-config+jwt" }, claims, signer), "wrong_type"],
  [
    "with a crit that nobody knows",
    () => signCompact({ typ: "audit-checkpoint+jwt", crit: ["x"], x: 1 }, claims, signer),
    "malformed",
  ],
  ["of other claims", () => signCompact({ typ: "audit-checkpoint+jwt" }, { n: 1 }, signer), "malformed"],
  ["of another key", () => sealCheckpoint(claims, signerOf(generateKeyPairSync("ed25519").privateKey)), "unknown_key"],
  [
    "with other claims under the old signature",
    async () => {
      const [head, , signature] = checkpoint.split(".");
      return `${head}.${Buffer.from(JSON.stringify({ ...claims, n: 8 })).toString("base64url")}.${signature}`;
    },
    "bad_signature",
  ],
  [
    "with alg none",
    async () => {
      const [, payload, signature] = checkpoint.split(".");
      const head = Buffer.from(JSON.stringify({ typ: "audit-checkpoint+jwt", alg: "none", kid: key.kid }));
      return `${head.toString("base64url")}.${payload}.${signature}`;
    },
    "wrong_algorithm",
  ],
  ["that is none", async () => "x", "malformed"],
  ["that is too long", async () => `${checkpoint}${"x".repeat(5_000)}`, "malformed"],
])("a checkpoint %s is refused", async (_, make, reason) => {
  const made = await make();
  expect(() => openCheckpoint(made, keyOf)).toThrow(expect.objectContaining({ reason }));
});

test("a kept file proves the heads in it, and those that are there as leaves only", () => {
  const file = { checkpoint, heads, otherLeaves: [] };
  expect(openCheckpointFile(file, keyOf)).toEqual({ claims, heads });
  const [first, second = heads[0]] = heads;
  const ofOneTenant = { checkpoint, heads: [first], otherLeaves: [leafOf(second as (typeof heads)[0])] };
  expect(openCheckpointFile(ofOneTenant, keyOf).heads).toEqual([first]);
});

test.each([
  ["a changed head", { heads: [{ ...heads[0], seq: 11 }, heads[1]], otherLeaves: [] }, "wrong_heads"],
  ["a head left out", { heads: [heads[0]], otherLeaves: [] }, "wrong_heads"],
  ["a head twice", { heads: [...heads, heads[0]], otherLeaves: [] }, "wrong_heads"],
  ["no heads", {}, "malformed"],
  ["a head that is none", { heads: [{ chain: "cluster" }], otherLeaves: [] }, "malformed"],
  ["leaves that are none", { heads, otherLeaves: ["x"] }, "malformed"],
])("a kept file with %s is refused", (_, change, reason) => {
  expect(() => openCheckpointFile({ checkpoint, ...change }, keyOf)).toThrow(expect.objectContaining({ reason }));
});

test("a JWK set gives its Ed25519 keys by thumbprint, whatever else is in it", () => {
  const keys = keysOfJwks({ keys: [{ ...signer.publicJwk, kid: "another" }, { kty: "RSA" }, null] });
  expect([...keys.keys()]).toEqual([signer.kid]);
  expect(keysOfJwks(null).size).toBe(0);
});
