import { generateKeyPairSync, randomUUID } from "node:crypto";
import {
  type Answer,
  type DesiredConfig,
  defaultServiceProtection,
  type EnrolAnswer,
  formatActivationKey,
  type ServiceProtection,
  sealAgentConfig,
  sealAgentIdentity,
  sealAnswer,
  sealEnrolAnswer,
  sealTrustBundle,
  signerOf,
} from "@postern/protocol";
import { type AgentTokenClaims, issuerOf, mint, type Signer, toUnixSeconds } from "@postern/token";

/** A cluster's keys and its word, without a cluster. Times are unix seconds. */
export interface Authority {
  readonly clusterId: string;
  readonly tenantId: string;
  readonly agentId: string;
  readonly activationKey: string;
  readonly rootThumbprint: string;
  readonly root: Signer;
  readonly tokenKey: Signer;
  readonly configKey: Signer;
  bundle(iat: number, ver?: number): Promise<string>;
  config(
    rev: number,
    iat: number,
    serviceProtection?: Partial<ServiceProtection>,
    others?: Omit<DesiredConfig, "serviceProtection">,
  ): Promise<string>;
  token(iat: number, claims?: Partial<AgentTokenClaims>): Promise<string>;
  answer(claims: Partial<Answer> & Pick<Answer, "nonce" | "iat">): Promise<string>;
  enrolAnswer(
    request: { nonce: string; identityThumbprint: string },
    iat: number,
    config: string,
    claims?: Partial<EnrolAnswer>,
  ): Promise<string>;
}

export function fakeAuthority(): Authority {
  const [root, configKey, tokenKey] = [newSigner(), newSigner(), newSigner()];
  const [clusterId, tenantId, agentId] = [randomUUID(), randomUUID(), randomUUID()];
  const iss = issuerOf(clusterId);
  const authority: Authority = {
    clusterId,
    tenantId,
    agentId,
    activationKey: formatActivationKey({ id: uuidV7(), secret: "A".repeat(43), rootThumbprint: root.kid }),
    rootThumbprint: root.kid,
    root,
    tokenKey,
    configKey,
    bundle: (iat, ver = 1) =>
      sealTrustBundle(
        {
          iss,
          ver,
          iat,
          keys: [
            { kid: tokenKey.kid, use: "token", jwk: tokenKey.publicJwk },
            { kid: configKey.kid, use: "config", jwk: configKey.publicJwk },
          ],
          roots: [root.kid],
        },
        root,
      ),
    config: (rev, iat, serviceProtection = {}, others = {}) =>
      sealAgentConfig(
        {
          iss,
          sub: agentId,
          tid: tenantId,
          rev,
          iat,
          cfg: { serviceProtection: { ...defaultServiceProtection, on: true, ...serviceProtection }, ...others },
        },
        configKey,
      ),
    token: (iat, claims = {}) => {
      const from = toUnixSeconds(iat * 1000);
      return mint(
        {
          iss,
          aud: `agent:${agentId}`,
          jti: uuidV7(),
          iat: from,
          nbf: from,
          exp: toUnixSeconds((iat + 900) * 1000),
          act: ["unprotect"],
          lift: 14_400,
          ...claims,
        },
        tokenKey,
      );
    },
    answer: (claims) =>
      sealAnswer(
        {
          sub: agentId,
          rev: 0,
          bundleVer: 1,
          revoked: [],
          journalAcked: 0,
          next: { holdMs: 0, afterMs: 0 },
          ...claims,
        },
        configKey,
      ),
    enrolAnswer: async ({ nonce, identityThumbprint }, iat, config, claims = {}) =>
      sealEnrolAnswer(
        {
          nonce,
          iat,
          agentId,
          tenantId,
          clusterId,
          identity: await sealAgentIdentity(
            { iss, sub: agentId, tid: tenantId, jkt: identityThumbprint, iat },
            configKey,
          ),
          bundle: await authority.bundle(iat),
          config,
          next: { holdMs: 0, afterMs: 0 },
          ...claims,
        },
        configKey,
      ),
  };
  return authority;
}

export function newSigner(): Signer {
  return signerOf(generateKeyPairSync("ed25519").privateKey);
}

export function uuidV7(): string {
  const random = randomUUID();
  return `${random.slice(0, 14)}7${random.slice(15)}`;
}
