import { generateKeyPairSync } from "node:crypto";
import {
  type AgentConfigClaims,
  openAgentConfig,
  openTrustBundle,
  pinsOf,
  sealRootChange,
  sealTrustBundle,
} from "@postern/protocol";
import { issuerOf } from "@postern/token";
import { type Authority, fakeAuthority, newSigner } from "./authority.fixture.ts";
import type { Enrolment } from "./enrolment.ts";

/** When the story begins, unix seconds. */
export const epoch = Date.UTC(2026, 10, 24, 14, 0) / 1000;
/** Of every request in it. */
export const nonce = "A".repeat(22);
export const oldVersion = "1.0.0";
export const update = { version: "1.1.0", sha256: "A".repeat(43), size: 1000, path: "/agent/v1/packages/A" };

/** What was made for the story beforehand, since signing takes its time. */
export interface Papers {
  readonly authority: Authority;
  readonly enrolment: Enrolment;
  readonly first: Token;
  readonly second: Token;
  /** Answers of the cluster at any time of the story, by what they bring. */
  readonly answers: Readonly<Record<"nothing" | "roots" | "off" | "on", string>>;
}

export interface Token {
  readonly jti: string;
  readonly token: string;
  readonly liftSeconds: number;
}

export async function makePapers(): Promise<Papers> {
  const authority = fakeAuthority();
  const bundle = await authority.bundle(epoch);
  const { configKeys } = openTrustBundle(bundle, pinsOf(authority.rootThumbprint));
  const config = (message: string): AgentConfigClaims =>
    openAgentConfig(message, { ...authority, configKeys, minRevision: 0 });
  const { kty, crv, x = "", d = "" } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  if (kty !== "OKP" || crv !== "Ed25519") throw new Error("not an Ed25519 key");
  const token = async (iat: number, liftSeconds: number): Promise<Token> => {
    const made = await authority.token(iat, { lift: liftSeconds });
    const claims = JSON.parse(Buffer.from(made.split(".")[1] ?? "", "base64url").toString());
    return { jti: claims.jti, token: made, liftSeconds };
  };
  const answer = (iat: number, more: object) => authority.answer({ nonce, iat, rev: 1, ...more });
  return {
    authority,
    enrolment: {
      anchor: {
        layout: 1,
        clusterId: authority.clusterId,
        tenantId: authority.tenantId,
        agentId: authority.agentId,
        enrolledAt: epoch,
        pinnedRoots: [authority.rootThumbprint],
        rootsVersion: 0,
        identityKey: { kty, crv, x, d },
        identity: "i",
        bundle,
        cluster: { url: "https://cluster.example" },
      },
      config: config(await authority.config(1, epoch)),
      iat: epoch,
      ageMs: 0,
    },
    first: await token(epoch, 600),
    second: await token(epoch, 300),
    answers: {
      nothing: await answer(epoch + 80, {}),
      roots: await answer(epoch + 80, { bundleVer: 2, bundle: await changedRoots(authority) }),
      off: await answer(epoch + 390, { rev: 2, config: await authority.config(2, epoch + 390, { on: false }) }),
      on: await answer(epoch + 392, {
        rev: 3,
        config: await authority.config(3, epoch + 392, {}, { packages: [update] }),
      }),
    },
  };
}

/** A bundle that leads the agent from the root it pinned to another one. */
async function changedRoots(authority: Authority): Promise<string> {
  const next = newSigner();
  const iss = issuerOf(authority.clusterId);
  const change = await sealRootChange({ iss, ver: 1, iat: epoch + 80, roots: [next.kid] }, authority.root);
  const keys = [
    { kid: authority.tokenKey.kid, use: "token" as const, jwk: authority.tokenKey.publicJwk },
    { kid: authority.configKey.kid, use: "config" as const, jwk: authority.configKey.publicJwk },
  ];
  const claims = { iss, ver: 2, iat: epoch + 80, keys, roots: [next.kid], rootChanges: [change] };
  return sealTrustBundle(claims, next);
}
