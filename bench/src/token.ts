import { type createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID, sign, verify } from "node:crypto";
import { signerOf, verifyKeyOf } from "@postern/protocol";
import * as postern from "@postern/token";
import { createSigner, createVerifier } from "fast-jwt";
import * as jose from "jose";
import * as paseto from "paseto-ts/v4";
import type { Contestant } from "./contest.ts";

/** What the contestants sign and verify: the claims of one agent token, with one key, checked to the same depth. */
export interface TokenContest {
  readonly mint: readonly Contestant[];
  readonly verify: readonly Contestant[];
}

/**
 * Mint and verify beside raw Ed25519 and other libraries. Each contestant's verify is seen to accept its own token and to
 * refuse it once altered, before anything is measured.
 */
export async function tokenContest(now: postern.UnixSeconds): Promise<TokenContest> {
  const { privateKey } = generateKeyPairSync("ed25519");
  const publicKey = createPublicKey(privateKey);
  const clusterId = uuidV7();
  const agentId = uuidV7();
  const claims: postern.AgentTokenClaims = {
    iss: postern.issuerOf(clusterId),
    aud: `agent:${agentId}`,
    jti: uuidV7(),
    iat: now,
    nbf: now,
    exp: (now + postern.tokenLifetimeSeconds) as postern.UnixSeconds,
    act: ["unprotect"],
    lift: postern.defaultLiftSeconds,
  };

  const signer = signerOf(privateKey);
  const token = await postern.mint(claims, signer);
  const context = {
    tokenKeys: new Map([[signer.kid, verifyKeyOf(signer.publicJwk)]]),
    clusterId,
    tenantId: uuidV7(),
    agentId,
    now,
  };
  const signingInput = Buffer.from(token.slice(0, token.lastIndexOf(".")));
  const signature = sign(null, signingInput, privateKey);

  const joseSign = () =>
    new jose.SignJWT({ ...claims, act: [...claims.act] })
      .setProtectedHeader({ alg: "Ed25519", typ: "agent-token+jwt", kid: signer.kid })
      .sign(privateKey);
  const joseToken = await joseSign();
  const joseVerify = (text: string) =>
    jose.jwtVerify(text, publicKey, {
      issuer: claims.iss,
      audience: claims.aud,
      typ: "agent-token+jwt",
      algorithms: ["Ed25519"],
    });

  const fastSign = createSigner({
    algorithm: "EdDSA",
    key: privateKey.export({ type: "pkcs8", format: "pem" }),
    kid: signer.kid,
    header: { alg: "EdDSA", typ: "agent-token+jwt" },
    noTimestamp: true,
  });
  const fastVerify = createVerifier({
    key: publicKey.export({ type: "spki", format: "pem" }),
    algorithms: ["EdDSA"],
    allowedIss: claims.iss,
    allowedAud: claims.aud,
    checkTyp: "agent-token+jwt",
    cache: false,
  });
  const fastToken = fastSign({ ...claims });

  const pasetoKeys = pasetoKeysOf(privateKey);
  const pasetoClaims = { ...claims, iat: iso(claims.iat), nbf: iso(claims.nbf), exp: iso(claims.exp) };
  const pasetoSign = () => paseto.sign(pasetoKeys.secret, pasetoClaims);
  const pasetoToken = pasetoSign();

  const biscuit = await biscuitContest(privateKey, claims, now);

  await mustRefuseAltered("postern", token, async (text) => postern.verify(text, context));
  await mustRefuseAltered("jose", joseToken, joseVerify);
  await mustRefuseAltered("fast-jwt", fastToken, async (text) => fastVerify(text));
  await mustRefuseAltered("paseto-ts", pasetoToken, async (text) => paseto.verify(pasetoKeys.public, text));
  await mustRefuseAltered("biscuit", biscuit.token, async (text) => biscuit.verify(text));

  return {
    mint: [
      { name: "node:crypto, raw Ed25519", once: () => sign(null, signingInput, privateKey) },
      { name: "postern", once: () => postern.mint(claims, signer) },
      { name: "jose", once: joseSign },
      { name: "fast-jwt", once: () => fastSign({ ...claims }) },
      { name: "paseto-ts", once: pasetoSign },
      { name: "biscuit-wasm", once: biscuit.mint },
    ],
    verify: [
      { name: "node:crypto, raw Ed25519", once: () => verify(null, signingInput, publicKey, signature) },
      { name: "postern", once: () => postern.verify(token, context) },
      { name: "jose", once: () => joseVerify(joseToken) },
      { name: "fast-jwt", once: () => fastVerify(fastToken) },
      { name: "paseto-ts", once: () => paseto.verify(pasetoKeys.public, pasetoToken) },
      { name: "biscuit-wasm", once: () => biscuit.verify(biscuit.token) },
    ],
  };
}

/** Biscuit has its own claims: facts in the token, checks on audience and time in the authorizer. */
async function biscuitContest(
  privateKey: ReturnType<typeof createPrivateKey>,
  claims: postern.AgentTokenClaims,
  now: number,
) {
  const wasm = await import("@biscuit-auth/biscuit-wasm");
  const seed = Buffer.from(privateKey.export({ format: "jwk" }).d ?? "", "base64url");
  const root = wasm.PrivateKey.fromBytes(seed, wasm.SignatureAlgorithm.Ed25519);
  const publicRoot = wasm.KeyPair.fromPrivateKey(root).getPublicKey();
  const issuer = claims.iss;
  const audience = claims.aud;
  const id = claims.jti;
  const from = new Date(claims.nbf * 1000);
  const until = new Date(claims.exp * 1000);
  const mint = (): string =>
    wasm.biscuit`
      iss(${issuer}); aud(${audience}); jti(${id}); act("unprotect"); lift(${claims.lift});
      check if time($time), $time >= ${from}, $time < ${until};
    `
      .build(root)
      .toBase64();
  const time = new Date(now * 1000);
  const verify = (text: string): void => {
    const authorizer = wasm.authorizer`
      time(${time});
      allow if iss(${issuer}), aud(${audience}), act("unprotect");
    `.buildAuthenticated(wasm.Biscuit.fromBase64(text, publicRoot));
    // Its default limit is a millisecond, which a shared machine does not always give.
    authorizer.authorizeWithLimits({ max_facts: 1000, max_iterations: 100, max_time_micro: 1_000_000 });
  };
  return { mint, verify, token: mint() };
}

/** A benchmark of something that accepts anything would be worth nothing. */
async function mustRefuseAltered(
  name: string,
  token: string,
  verifyOnce: (text: string) => Promise<unknown>,
): Promise<void> {
  await verifyOnce(token);
  const at = Math.floor(token.length / 2);
  const altered = token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
  const accepted = await verifyOnce(altered).then(
    () => true,
    () => false,
  );
  if (accepted) throw new Error(`${name} accepted an altered token`);
}

/** PASERK spellings of the key, as paseto-ts takes them. */
function pasetoKeysOf(privateKey: ReturnType<typeof createPrivateKey>) {
  const { d, x } = privateKey.export({ format: "jwk" });
  const both = Buffer.concat([Buffer.from(d ?? "", "base64url"), Buffer.from(x ?? "", "base64url")]);
  return { secret: `k4.secret.${both.toString("base64url")}`, public: `k4.public.${x}` };
}

function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

function uuidV7(): string {
  const random = randomUUID();
  return `${random.slice(0, 14)}7${random.slice(15)}`;
}
