import { maxLiftSeconds, type PublicJwk, type Signer, type VerifyKey } from "@postern/token";
import Type from "typebox";
import { type AgentIdentity, openAgentIdentity } from "./agent-identity.ts";
import { parsePublicJwk, verifyKeyOf } from "./ed25519.ts";
import { Facts } from "./facts.ts";
import { JournalEntry } from "./journal.ts";
import {
  maxIdentityChars,
  maxJournalEntries,
  maxLayers,
  maxMessageChars,
  maxPartChars,
  maxReportedNameChars,
  maxRevoked,
  maxServices,
} from "./limits.ts";
import { MessageRefused } from "./refusal.ts";
import { Counter, Milliseconds, Next, Nonce, Seconds, signedPart, Uuid } from "./schemas.ts";
import { messageKind, readUnverified, sealMessage, type UnverifiedMessage } from "./signed-message.ts";
import { openTrustBundle, type TrustBundle } from "./trust-bundle.ts";

export const protectionStates = ["off", "on", "lifted", "unsupported"] as const;
export type ProtectionState = (typeof protectionStates)[number];

/** An agent's protection as it reports it. */
export const ProtectionReport = Type.Object({
  state: Type.Enum(protectionStates),
  /** Trusted time of the last change of state. */
  since: Milliseconds,
  /** Only while lifted: seconds of interrupt time left. */
  budgetLeft: Type.Optional(Type.Integer({ minimum: 0, maximum: maxLiftSeconds })),
  /** Only while lifted: the token that was redeemed. */
  jti: Type.Optional(Uuid),
  /** Guard layers by name: `on`, `off` or `failed: …`. */
  layers: Type.Record(Type.String({ pattern: "^[a-z][a-zA-Z]{0,39}$" }), Type.String({ maxLength: 160 }), {
    additionalProperties: false,
    maxProperties: maxLayers,
  }),
  /** What became of the services that the profile names beside the agent's own, each in one word such as `guarded`. */
  services: Type.Optional(
    Type.Array(
      Type.Object({
        name: Type.String({ pattern: `^[ !#-\\[\\]-~]{1,${maxReportedNameChars}}$` }),
        state: Type.String({ pattern: "^[a-z][a-z_]{0,29}$" }),
      }),
      { maxItems: maxServices },
    ),
  ),
});
export type ProtectionReport = Type.Static<typeof ProtectionReport>;

const CheckIn = Type.Object({
  /** The agent. */
  sub: Uuid,
  nonce: Nonce,
  /**
   * Trusted time at which this service process started, unix ms, and higher than that of any process before it. Together
   * with `n` it only rises, so that a recorded check-in cannot be sent again.
   */
  boot: Milliseconds,
  n: Counter,
  /** Sent at first and when they change. */
  facts: Type.Optional(Facts),
  protection: ProtectionReport,
  applied: Type.Object({
    rev: Counter,
    refused: Type.Optional(Type.Object({ rev: Counter, code: Type.String({ pattern: "^[a-z_]{1,40}$" }) })),
  }),
  bundleVer: Counter,
  journal: Type.Object({ id: Uuid, entries: Type.Array(JournalEntry, { maxItems: maxJournalEntries }) }),
  /**
   * The cluster's own statement of who this agent is, for a cluster that says that it does not know it. The header then
   * has the agent's public key as `jwk`, facts go along, and journal entries wait, so that it fits.
   */
  identity: Type.Optional(signedPart(maxIdentityChars)),
});
export type CheckIn = Type.Static<typeof CheckIn>;

const checkIn = messageKind("agent-check-in+jwt", maxMessageChars, CheckIn);

const Answer = Type.Object({
  sub: Uuid,
  nonce: Nonce,
  iat: Seconds,
  /** The revision that the cluster wants; `config` comes along when the agent has applied another. */
  rev: Counter,
  bundleVer: Counter,
  /** Ids of tokens for this agent that were revoked and have not expired. */
  revoked: Type.Array(Uuid, { maxItems: maxRevoked }),
  config: Type.Optional(signedPart(maxPartChars)),
  /** A newer trust bundle; it vouches for the key that signed this answer. */
  bundle: Type.Optional(signedPart(maxPartChars)),
  /** Entries up to this `seq` are stored for good. */
  journalAcked: Counter,
  next: Next,
});
export type Answer = Type.Static<typeof Answer>;

const answerKind = messageKind("agent-answer+jwt", maxMessageChars, Answer);

/** Signs a check-in with the agent's identity key. */
export async function sealCheckIn(claims: CheckIn, identityKey: Signer): Promise<string> {
  const header = claims.identity === undefined ? {} : { jwk: identityKey.publicJwk };
  return sealMessage(checkIn, claims, identityKey, header);
}

/** A check-in before it is known who sent it: look the agent up by `unverifiedClaims.sub`, then `verify`. */
export type UnverifiedCheckIn = UnverifiedMessage<typeof CheckIn>;

/** @throws {MessageRefused} malformed, wrong_type, wrong_algorithm */
export function readCheckIn(message: string): UnverifiedCheckIn {
  return readUnverified(checkIn, message);
}

/** A check-in of an agent that the cluster has lost, with who it is by the cluster's own signature. */
export interface OpenedLostCheckIn {
  readonly checkIn: CheckIn;
  readonly identity: AgentIdentity;
  readonly identityKey: { readonly jwk: PublicJwk; readonly thumbprint: string };
}

/**
 * Verifies a check-in by the identity that it carries: the cluster's signature says whose key this is, and the key signed
 * the check-in. For agents of which the cluster knows nothing else; of others what is stored decides.
 *
 * @param configKeys all config keys of the cluster that nobody else may have, also those that ended
 * @throws {MessageRefused} malformed: no identity, or no key; unknown_key, bad_signature, wrong_type, wrong_algorithm,
 *   wrong_cluster, wrong_subject
 */
export function openLostCheckIn(
  unverified: UnverifiedCheckIn,
  clusterId: string,
  configKeys: ReadonlyMap<string, VerifyKey>,
): OpenedLostCheckIn {
  const { identity: statement, sub } = unverified.unverifiedClaims;
  const jwk = parsePublicJwk(unverified.unverifiedHeader["jwk"]);
  if (statement === undefined || !jwk) throw new MessageRefused("malformed");
  const key = verifyKeyOf(jwk);
  const checkIn = unverified.verify((kid) => (kid === key.kid ? key : undefined));
  const identity = openAgentIdentity(statement, clusterId, configKeys);
  if (identity.sub !== sub || identity.jkt !== key.kid) throw new MessageRefused("wrong_subject");
  return { checkIn, identity, identityKey: { jwk, thumbprint: key.kid } };
}

/** Signs the answer to a check-in with the cluster's config key. */
export async function sealAnswer(claims: Answer, configKey: Signer): Promise<string> {
  return sealMessage(answerKind, claims, configKey);
}

/** What an agent trusts and expects when an answer arrives. */
export interface AnswerExpectation {
  /** It says itself which roots are pinned. */
  readonly bundle: TrustBundle;
  readonly agentId: string;
  readonly nonce: string;
}

/** An answer made by the cluster for this very request. Only this counts as "cluster reached". */
export interface OpenedAnswer {
  readonly answer: Answer;
  /** The bundle to trust from now on; the one known before when the answer brought none. */
  readonly bundle: TrustBundle;
}

/**
 * Verifies an answer. A bundle in it is verified first, by a pinned root or one that a pinned root has led to, and must
 * not be older than the one known;
 * then the config keys of that bundle decide, so a config key can be changed in one step.
 *
 * The embedded config is left to `openAgentConfig`: an answer stays valid when its config is refused.
 *
 * @throws {MessageRefused} what `openMessage` and `openTrustBundle` throw; wrong_cluster, stale_bundle, wrong_subject, wrong_nonce
 */
export function openAnswer(message: string, expected: AnswerExpectation): OpenedAnswer {
  const unverified = readUnverified(answerKind, message);
  const bundle = newerBundle(unverified.unverifiedClaims.bundle, expected);
  const answer = unverified.verify((kid): VerifyKey | undefined => bundle.configKeys.get(kid));
  if (answer.sub !== expected.agentId) throw new MessageRefused("wrong_subject");
  if (answer.nonce !== expected.nonce) throw new MessageRefused("wrong_nonce");
  return { answer, bundle };
}

function newerBundle(unverifiedBundle: string | undefined, expected: AnswerExpectation): TrustBundle {
  if (unverifiedBundle === undefined) return expected.bundle;
  const bundle = openTrustBundle(unverifiedBundle, expected.bundle.pinned);
  if (bundle.clusterId !== expected.bundle.clusterId) throw new MessageRefused("wrong_cluster");
  if (!(bundle.version >= expected.bundle.version)) throw new MessageRefused("stale_bundle");
  return bundle;
}
