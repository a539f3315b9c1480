import { expect, test } from "vitest";
import { tokenKey } from "../vectors/fixed-keys.ts";
import type { AgentTokenClaims } from "./claims.ts";
import { mint } from "./mint.ts";
import type { UnixSeconds } from "./unix-seconds.ts";

const id = "0199a1b2-0000-7000-8000-00000000a001";
const iat = 1_800_000_000 as UnixSeconds;
const claims: AgentTokenClaims = {
  iss: `urn:postern:cluster:${id}`,
  aud: `tenant:${id}`,
  jti: id,
  iat,
  nbf: iat,
  exp: (iat + 900) as UnixSeconds,
  act: ["unprotect"],
  lift: 14_400,
};

test("the same claims and key give the same token, whatever the order of the claims", async () => {
  const reversed = Object.fromEntries(Object.entries(claims).reverse()) as unknown as AgentTokenClaims;
  expect(await mint(reversed, tokenKey.signer)).toBe(await mint(claims, tokenKey.signer));
});

test("signs only what a token's claims are", async () => {
  const more = { ...claims, reason: "a disk is full", crit: ["lift"] };
  expect(await mint(more, tokenKey.signer)).toBe(await mint(claims, tokenKey.signer));
});

test("stays far below the longest that agents read", async () => {
  const longest = { ...claims, aud: `agent:${id}`, chg: "000000000000014U", lift: 86_400 };
  expect((await mint(longest, tokenKey.signer)).length).toBeLessThan(700);
});

test.each<[string, Partial<Record<keyof AgentTokenClaims, unknown>>]>([
  ["an issuer that is no cluster", { iss: "postern" }],
  ["an audience that is a list", { aud: [`tenant:${id}`] }],
  ["a random id", { jti: "3f1c9a52-7b1e-4c58-9d0a-6a3a5a0f0001" }],
  ["an hour's life", { exp: iat + 3600 }],
  ["a time that is no number", { iat: Number.NaN, nbf: Number.NaN, exp: Number.NaN }],
  ["no end", { exp: Number.POSITIVE_INFINITY }],
  ["too long a lift", { lift: 86_401 }],
  ["a lift that is no number", { lift: Number.NaN }],
  ["a challenge for a tenant", { chg: "000000000000014U" }],
  ["nothing that it allows", { act: [] }],
  ["another action only", { act: ["protect"] }],
  ["more than agents read", { act: ["unprotect", "x".repeat(4096)] }],
])("refuses to sign %s", async (_, members) => {
  await expect(mint({ ...claims, ...members } as AgentTokenClaims, tokenKey.signer)).rejects.toThrow(TypeError);
});

test("gives nothing when the signer gives no signature", async () => {
  const broken = { ...tokenKey.signer, sign: async () => new Uint8Array(70) };
  await expect(mint(claims, broken)).rejects.toThrow("the signer gave no Ed25519 signature");
});
