import { compactVerify, EmbeddedJWK, importJWK, jwtVerify } from "jose";
import { expect, test } from "vitest";
import { configKey, identityKey, rootKey } from "../vectors/fixed-keys.ts";
import { bundleClaims, sampleMessages } from "../vectors/samples.ts";
import { kinds } from "../vectors/world.ts";

const samples = await sampleMessages();
const algorithms = ["Ed25519"];

test("jose verifies a trust bundle with the root's key", async () => {
  const root = await importJWK({ ...rootKey.publicJwk }, "Ed25519");
  const { payload, protectedHeader } = await jwtVerify(samples["trust-bundle"], root, { algorithms });
  expect(payload).toStrictEqual(bundleClaims);
  expect(protectedHeader).toStrictEqual({
    typ: "trust-bundle+jwt",
    jwk: rootKey.publicJwk,
    alg: "Ed25519",
    kid: rootKey.kid,
  });
});

test("jose verifies an enrolment with the key that comes along", async () => {
  const { protectedHeader } = await compactVerify(samples["agent-enroll"], EmbeddedJWK, { algorithms });
  expect(protectedHeader.kid).toBe(identityKey.kid);
});

test("jose verifies every kind under exactly one key", async () => {
  const keys = await Promise.all(
    [rootKey, configKey, identityKey].map((key) => importJWK({ ...key.publicJwk }, "Ed25519")),
  );
  for (const kind of kinds) {
    const verdicts = await Promise.allSettled(keys.map((key) => compactVerify(samples[kind], key, { algorithms })));
    expect(verdicts.filter(({ status }) => status === "fulfilled").length, kind).toBe(1);
  }
});
