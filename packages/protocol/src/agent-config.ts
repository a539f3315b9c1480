import { defaultLiftSeconds, issuerOf, maxLiftSeconds, type Signer, type VerifyKey } from "@postern/token";
import Type from "typebox";
import { maxPartChars } from "./limits.ts";
import { MessageRefused } from "./refusal.ts";
import { Counter, Issuer, Seconds, Uuid } from "./schemas.ts";
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
});
export type ServiceProtection = Type.Static<typeof ServiceProtection>;

/** What a new profile says: protection is something that somebody switches on. */
export const defaultServiceProtection: ServiceProtection = {
  on: false,
  liftSeconds: defaultLiftSeconds,
  singleUse: false,
  requireChallenge: false,
};

/** What the cluster wants of one agent. */
export const DesiredConfig = Type.Object({ serviceProtection: ServiceProtection });
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
