import { generateKeyPairSync, verify as verifySignature } from "node:crypto";
import fc from "fast-check";
import { calculateJwkThumbprint, importJWK, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { anyClaims } from "../vectors/arbitrary.ts";
import { attackerKey, configKey, previousTokenKey, tokenKey } from "../vectors/fixed-keys.ts";
import type { RefusedCase, ValidCase } from "../vectors/generate.ts";
import { contextOf, readVectors, type TokenVectors } from "../vectors/read.ts";
import { agentTokenType, issuerOf, parseAudience } from "./claims.ts";
import { mint } from "./mint.ts";
import { verify } from "./verify.ts";

const valid = readVectors<TokenVectors<ValidCase>>("valid.json");
const refused = readVectors<TokenVectors<RefusedCase>>("refused.json");
const publicKey = await importJWK({ ...tokenKey.signer.publicJwk }, "Ed25519");

describe("jose reads what we sign", () => {
  test("any claims", async () => {
    await fc.assert(
      fc.asyncProperty(anyClaims(), async (claims) => {
        const { payload, protectedHeader } = await jwtVerify(await mint(claims, tokenKey.signer), publicKey, {
          algorithms: ["Ed25519"],
          typ: agentTokenType,
          issuer: claims.iss,
          audience: claims.aud,
          currentDate: new Date(claims.nbf * 1000),
        });
        expect(payload).toStrictEqual(claims);
        expect(protectedHeader).toStrictEqual({ alg: "Ed25519", typ: agentTokenType, kid: tokenKey.signer.kid });
      }),
    );
  });

  test.each(valid.cases.filter(({ token }) => token === token.trim()))(
    "the vector: $name",
    async ({ token, claims }) => {
      const options = { currentDate: new Date(1_800_000_060_000) };
      const keys = [publicKey, await importJWK({ ...previousTokenKey.signer.publicJwk }, "Ed25519")];
      const read = await Promise.any(keys.map((key) => jwtVerify(token, key, options)));
      expect(read.payload).toMatchObject(claims);
    },
  );
});

test("we read what jose signs", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const kid = await calculateJwkThumbprint(publicKey.export({ format: "jwk" }));
  const key = {
    kid,
    verify: (message: Uint8Array, signature: Uint8Array) => verifySignature(null, message, publicKey, signature),
  };
  await fc.assert(
    fc.asyncProperty(anyClaims(), async (claims) => {
      const token = await new SignJWT({ ...claims } as unknown as JWTPayload)
        .setProtectedHeader({ kid, typ: agentTokenType, alg: "Ed25519" })
        .sign(privateKey);
      const target = parseAudience(claims.aud);
      const read = verify(token, {
        tokenKeys: new Map([[kid, key]]),
        clusterId: claims.iss.slice(issuerOf("").length),
        tenantId: target?.kind === "tenant" ? target.tenantId : "",
        agentId: target?.kind === "agent" ? target.agentId : "",
        now: claims.nbf,
        ...(claims.chg === undefined ? {} : { challenge: claims.chg }),
      });
      expect(read).toStrictEqual(claims);
    }),
    { numRuns: 50 },
  );
});

test("what jose signs as EdDSA is refused: that name leaves the curve open", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const kid = await calculateJwkThumbprint(publicKey.export({ format: "jwk" }));
  const token = await new SignJWT({}).setProtectedHeader({ kid, typ: agentTokenType, alg: "EdDSA" }).sign(privateKey);
  const context = contextOf(valid, { now: 1_800_000_060 });
  expect(() => verify(token, context)).toThrow(expect.objectContaining({ reason: "wrong_algorithm" }));
});

test("jose too accepts no vector with a bad signature", async () => {
  const forged = refused.cases.filter(({ reason }) => reason === "bad_signature");
  expect(forged.length).toBeGreaterThan(5);
  for (const { token, name } of forged) await expect(jwtVerify(token, publicKey), name).rejects.toThrow();
});

test("key ids are RFC 7638 thumbprints", async () => {
  for (const { signer } of [tokenKey, previousTokenKey, configKey, attackerKey]) {
    expect(signer.kid).toBe(await calculateJwkThumbprint({ ...signer.publicJwk }));
  }
});
