import { issuerOf, type Signer, type VerifyKey } from "@postern/token";
import Type from "typebox";
import { maxPreviousChars } from "./limits.ts";
import { MessageRefused } from "./refusal.ts";
import { Issuer, Nonce, Sha256, Uuid } from "./schemas.ts";
import { messageKind, readUnverified, sealMessage, type UnverifiedMessage } from "./signed-message.ts";

const PreviousProof = Type.Object({
  iss: Issuer,
  /** The agent that this machine was. */
  sub: Uuid,
  /** Of the enrolment that it goes along with, and of no other. */
  requestId: Uuid,
  nonce: Nonce,
  /** Thumbprint of the identity key that enrols now: nobody else can send the proof as his own. */
  jkt: Sha256,
});
export type PreviousProof = Type.Static<typeof PreviousProof>;

const previousProof = messageKind("agent-previous+jwt", maxPreviousChars, PreviousProof);

/** Signs with the identity key of before that the machine which enrols now with `jkt` is the agent `sub`. */
export async function sealPreviousProof(claims: PreviousProof, previousKey: Signer): Promise<string> {
  return sealMessage(previousProof, claims, previousKey);
}

/** A proof before it is known whose: look the agent up by `unverifiedClaims.sub`, then {@link verifyPreviousProof}. */
export type UnverifiedPreviousProof = UnverifiedMessage<typeof PreviousProof>;

/** @throws {MessageRefused} malformed, wrong_type, wrong_algorithm */
export function readPreviousProof(message: string): UnverifiedPreviousProof {
  return readUnverified(previousProof, message);
}

/** The enrolment that a proof came along with. */
export interface PreviousExpectation {
  readonly clusterId: string;
  readonly requestId: string;
  readonly nonce: string;
  /** Of the key that signed the enrolment. */
  readonly identityThumbprint: string;
}

/**
 * Verifies that the agent's own key made this proof for this very enrolment: a recorded one proves nothing for another
 * request or another key.
 *
 * @param key the identity key of the agent that the proof names
 * @throws {MessageRefused} unknown_key, bad_signature, wrong_cluster, wrong_nonce, wrong_subject
 */
export function verifyPreviousProof(
  unverified: UnverifiedPreviousProof,
  key: VerifyKey,
  expected: PreviousExpectation,
): PreviousProof {
  const claims = unverified.verify((kid) => (kid === key.kid ? key : undefined));
  if (claims.iss !== issuerOf(expected.clusterId)) throw new MessageRefused("wrong_cluster");
  if (claims.requestId !== expected.requestId || claims.nonce !== expected.nonce)
    throw new MessageRefused("wrong_nonce");
  if (claims.jkt !== expected.identityThumbprint) throw new MessageRefused("wrong_subject");
  return claims;
}
