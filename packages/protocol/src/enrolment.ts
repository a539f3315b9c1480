import type { Signer } from "@postern/token";
import Type from "typebox";
import { type AgentConfigClaims, openAgentConfig } from "./agent-config.ts";
import { openAgentIdentity } from "./agent-identity.ts";
import { parsePublicJwk, verifyKeyOf } from "./ed25519.ts";
import { Facts } from "./facts.ts";
import { maxEnrolRequestChars, maxIdentityChars, maxMessageChars, maxPartChars, maxPreviousChars } from "./limits.ts";
import { MessageRefused } from "./refusal.ts";
import { pinsOf } from "./root-change.ts";
import { Next, Nonce, Seconds, Sha256, signedPart, Uuid } from "./schemas.ts";
import { messageKind, readUnverified, sealMessage } from "./signed-message.ts";
import { openTrustBundle, type TrustBundle } from "./trust-bundle.ts";

const EnrolRequest = Type.Object({
  nonce: Nonce,
  /** Repeated with the same key it gives the same answer and costs one use. */
  requestId: Uuid,
  activationKeyId: Uuid,
  secret: Sha256,
  facts: Facts,
  /** From a machine that was an agent of this cluster before, signed by the key that it was then. */
  previous: Type.Optional(signedPart(maxPreviousChars)),
});
export type EnrolRequest = Type.Static<typeof EnrolRequest>;

const enrolRequest = messageKind("agent-enroll+jwt", maxEnrolRequestChars, EnrolRequest);

const EnrolAnswer = Type.Object({
  nonce: Nonce,
  iat: Seconds,
  agentId: Uuid,
  tenantId: Uuid,
  clusterId: Uuid,
  identity: signedPart(maxIdentityChars),
  bundle: signedPart(maxPartChars),
  config: signedPart(maxPartChars),
  next: Next,
});
export type EnrolAnswer = Type.Static<typeof EnrolAnswer>;

const enrolAnswer = messageKind("agent-enroll-answer+jwt", maxMessageChars, EnrolAnswer);

/** Signs an enrolment with the agent's new identity key, whose public half goes along in the header. */
export async function sealEnrolRequest(claims: EnrolRequest, identityKey: Signer): Promise<string> {
  return sealMessage(enrolRequest, claims, identityKey, { jwk: identityKey.publicJwk });
}

/** An enrolment whose sender holds the private half of `identityKey`. Whether he may enrol, only the secret tells. */
export interface OpenedEnrolRequest {
  readonly claims: EnrolRequest;
  readonly identityKey: { readonly jwk: { kty: "OKP"; crv: "Ed25519"; x: string }; readonly thumbprint: string };
}

/** @throws {MessageRefused} malformed, wrong_type, wrong_algorithm, unknown_key, bad_signature */
export function openEnrolRequest(message: string): OpenedEnrolRequest {
  const unverified = readUnverified(enrolRequest, message);
  const jwk = parsePublicJwk(unverified.unverifiedHeader["jwk"]);
  if (!jwk) throw new MessageRefused("malformed");
  const key = verifyKeyOf(jwk);
  const claims = unverified.verify((kid) => (kid === key.kid ? key : undefined));
  return { claims, identityKey: { jwk, thumbprint: key.kid } };
}

/** Signs the answer to an enrolment with the cluster's config key. */
export async function sealEnrolAnswer(claims: EnrolAnswer, configKey: Signer): Promise<string> {
  return sealMessage(enrolAnswer, claims, configKey);
}

/** What an agent knows after enrolling, each part verified. */
export interface OpenedEnrolAnswer {
  readonly answer: EnrolAnswer;
  readonly bundle: TrustBundle;
  readonly config: AgentConfigClaims;
}

/**
 * Verifies the answer to an enrolment from the pinned root downwards: the root, or one that it has led to, vouches for
 * the bundle, the bundle for the config key, the config key for answer, identity and config.
 *
 * @throws {MessageRefused} any reason but stale_bundle
 */
export function openEnrolAnswer(
  message: string,
  expected: { readonly rootThumbprint: string; readonly nonce: string; readonly identityThumbprint: string },
): OpenedEnrolAnswer {
  const unverified = readUnverified(enrolAnswer, message);
  const bundle = openTrustBundle(unverified.unverifiedClaims.bundle, pinsOf(expected.rootThumbprint));
  const answer = unverified.verify((kid) => bundle.configKeys.get(kid));
  if (answer.nonce !== expected.nonce) throw new MessageRefused("wrong_nonce");
  if (answer.clusterId !== bundle.clusterId) throw new MessageRefused("wrong_cluster");

  const identity = openAgentIdentity(answer.identity, bundle.clusterId, bundle.configKeys);
  if (identity.tid !== answer.tenantId) throw new MessageRefused("wrong_tenant");
  if (identity.sub !== answer.agentId || identity.jkt !== expected.identityThumbprint) {
    throw new MessageRefused("wrong_subject");
  }
  const config = openAgentConfig(answer.config, {
    configKeys: bundle.configKeys,
    clusterId: bundle.clusterId,
    tenantId: answer.tenantId,
    agentId: answer.agentId,
    minRevision: 0,
  });
  return { answer, bundle, config };
}
