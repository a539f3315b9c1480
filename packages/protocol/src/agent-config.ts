import { defaultLiftSeconds, issuerOf, maxLiftSeconds, type Signer, type VerifyKey } from "@postern/token";
import Type from "typebox";
import {
  maxClusterUrlChars,
  maxClusterUrls,
  maxPackageBytes,
  maxPackages,
  maxPartChars,
  maxServices,
} from "./limits.ts";
import { MessageRefused } from "./refusal.ts";
import { AgentVersion, Counter, Issuer, Seconds, ServiceName, Sha256, Uuid } from "./schemas.ts";
import { messageKind, openMessage, sealMessage } from "./signed-message.ts";

/** The settings of service protection that a profile gives an agent. */
export const ServiceProtection = Type.Object({
  on: Type.Boolean(),
  /** The longest budget of a lift; a token may say less. */
  liftSeconds: Type.Integer({ minimum: 1, maximum: maxLiftSeconds }),
  /** Refuse a token's second presentation on the same agent. */
  singleUse: Type.Boolean(),
  /** Accept only tokens that answer a challenge. */
  requireChallenge: Type.Boolean(),
  /** Windows services of other vendors that are guarded too. An agent that cannot do that leaves them as they are. */
  services: Type.Optional(Type.Array(ServiceName, { maxItems: maxServices })),
});
export type ServiceProtection = Type.Static<typeof ServiceProtection>;

/** What a new profile says: protection is something that somebody switches on. */
export const defaultServiceProtection: ServiceProtection = {
  on: false,
  liftSeconds: defaultLiftSeconds,
  singleUse: false,
  requireChallenge: false,
};

/** A package that may replace the agent while it is protected: this very file, and no other of that version. */
export const AgentPackage = Type.Object({
  version: AgentVersion,
  sha256: Sha256,
  /** Bytes. */
  size: Type.Integer({ minimum: 1, maximum: maxPackageBytes }),
  /** Where the cluster has it, below its own address. */
  path: Type.String({ pattern: "^(?:/[A-Za-z0-9._~-]{1,80}){1,8}$" }),
});
export type AgentPackage = Type.Static<typeof AgentPackage>;

/** What the cluster wants of one agent. */
export const DesiredConfig = Type.Object({
  serviceProtection: ServiceProtection,
  /** The version that the agent should be of; without it, the one it has. */
  desiredVersion: Type.Optional(AgentVersion),
  /** The cluster's addresses from now on, the first one first. */
  urls: Type.Optional(
    Type.Array(Type.String({ pattern: `^https?://[!-~]{1,${maxClusterUrlChars - 8}}$` }), {
      minItems: 1,
      maxItems: maxClusterUrls,
    }),
  ),
  packages: Type.Optional(Type.Array(AgentPackage, { maxItems: maxPackages })),
});
export type DesiredConfig = Type.Static<typeof DesiredConfig>;

const AgentConfigClaims = Type.Object({
  iss: Issuer,
  /** The agent. */
  sub: Uuid,
  /** Its tenant. */
  tid: Uuid,
  /** The revision: rises with every change. */
  rev: Counter,
  iat: Seconds,
  cfg: DesiredConfig,
});
export type AgentConfigClaims = Type.Static<typeof AgentConfigClaims>;

const agentConfig = messageKind("agent-config+jwt", maxPartChars, AgentConfigClaims);

/** Signs the desired config of one agent with the cluster's config key. */
export async function sealAgentConfig(claims: AgentConfigClaims, signer: Signer): Promise<string> {
  return sealMessage(agentConfig, claims, signer);
}

/** Whose config is expected, and how new it has to be. */
export interface ConfigExpectation {
  readonly configKeys: ReadonlyMap<string, VerifyKey>;
  readonly clusterId: string;
  readonly tenantId: string;
  readonly agentId: string;
  /** The higher of the revision that the answer promised and the one applied. */
  readonly minRevision: number;
}

/**
 * Verifies a desired config: by this cluster, for this agent, and not older than what is known.
 *
 * @throws {MessageRefused} what `openMessage` throws; wrong_cluster, wrong_tenant, wrong_subject, stale_revision
 */
export function openAgentConfig(message: string, expected: ConfigExpectation): AgentConfigClaims {
  const claims = openMessage(agentConfig, message, expected.configKeys);
  if (claims.iss !== issuerOf(expected.clusterId)) throw new MessageRefused("wrong_cluster");
  if (claims.tid !== expected.tenantId) throw new MessageRefused("wrong_tenant");
  if (claims.sub !== expected.agentId) throw new MessageRefused("wrong_subject");
  // Asked this way round, so that an expectation which is no number accepts nothing.
  if (!(claims.rev >= expected.minRevision)) throw new MessageRefused("stale_revision");
  return claims;
}
