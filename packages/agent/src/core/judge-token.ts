import {
  type AgentContext,
  type AgentTokenClaims,
  type RefusalReason,
  TokenRefused,
  verify,
  verifyUndated,
} from "@postern/token";
import { challengeMs } from "../limits.ts";
import type { AgentState } from "./state.ts";
import { trustedSecond } from "./trusted-time.ts";
import { findUsed } from "./used-tokens.ts";

/** Every reason for which this agent refuses a token: those of the token itself, and those only its memory can tell. */
export type AgentRefusal =
  | RefusalReason
  | "already_used"
  | "revoked"
  | "clock_not_trusted"
  | "challenge_required"
  | "not_protected";

/** What this agent makes of a token, without doing anything. */
export interface Verdict {
  /** Only when the cluster signed it, for this agent: what it says may be shown and journaled. */
  readonly claims?: AgentTokenClaims;
  readonly refusal?: AgentRefusal;
}

/** Judges a token at `state.time`. Pure; `-explain` shows it, redeeming acts on it. */
export function judgeToken(state: AgentState, token: string, trust: AgentContext): Verdict {
  const signed = attempt(() => verifyUndated(token, trust));
  const { claims } = signed;
  const refusal = (): AgentRefusal | undefined => {
    if (state.protection.state === "off") return "not_protected";
    if (!claims) return signed.refusal;
    if (state.revoked.includes(claims.jti)) return "revoked";
    return claims.chg === undefined
      ? judgeByTime(state, token, claims, trust)
      : judgeByChallenge(state, token, claims, trust);
  };
  const reason = refusal();
  return { ...(claims ? { claims } : {}), ...(reason ? { refusal: reason } : {}) };
}

/** The outstanding challenge, unless its time is over. */
export function outstandingChallenge(state: AgentState): string | undefined {
  const { challenge, time } = state;
  return challenge && time.interruptMs - challenge.issuedAtMs < challengeMs ? challenge.text : undefined;
}

function judgeByTime(
  state: AgentState,
  token: string,
  claims: AgentTokenClaims,
  trust: AgentContext,
): AgentRefusal | undefined {
  if (state.profile.requireChallenge) return "challenge_required";
  if (!state.time.clockTrusted) return "clock_not_trusted";
  const { refusal } = attempt(() => verify(token, { ...trust, now: trustedSecond(state.time) }));
  if (refusal) return refusal;
  const used = findUsed(state, claims.jti);
  return used && (state.profile.singleUse || used.leftMs <= 0) ? "already_used" : undefined;
}

/** The clock has no say here, so memory must: a challenge token is accepted once. */
function judgeByChallenge(
  state: AgentState,
  token: string,
  claims: AgentTokenClaims,
  trust: AgentContext,
): AgentRefusal | undefined {
  if (findUsed(state, claims.jti)) return "already_used";
  const challenge = outstandingChallenge(state);
  const context = { ...trust, now: trustedSecond(state.time), ...(challenge === undefined ? {} : { challenge }) };
  return attempt(() => verify(token, context)).refusal;
}

function attempt(verification: () => AgentTokenClaims): { claims?: AgentTokenClaims; refusal?: RefusalReason } {
  try {
    return { claims: verification() };
  } catch (error) {
    if (error instanceof TokenRefused) return { refusal: error.reason };
    throw error;
  }
}
