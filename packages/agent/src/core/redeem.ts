import { type AgentContext, type AgentTokenClaims, parseAudience } from "@postern/token";
import { recordBounded } from "./bounded-entries.ts";
import type { Changed } from "./effects.ts";
import { type AgentRefusal, judgeToken } from "./judge-token.ts";
import { toSeconds } from "./protection.ts";
import { type AgentState, type EntryData, liftLeftMs } from "./state.ts";
import { raiseTime, setTime } from "./trusted-time.ts";
import { findUsed, rememberUsed } from "./used-tokens.ts";

/** What became of a token that was presented. */
export type Redemption =
  | {
      readonly refused: AgentRefusal;
      /** Of a token that the cluster signed for this agent: what a person needs to understand the refusal. */
      readonly claims?: AgentTokenClaims;
    }
  | {
      /** `running`: this very lift was on already. */
      readonly accepted: "redeemed" | "resumed" | "running";
      readonly jti: string;
      readonly leftSeconds: number;
    };

/**
 * Presents a token: lifts protection, resumes the lift that this token already gave, or refuses.
 *
 * A token gives one lift. What is left of it is kept with the token's id, so presenting it again can only continue.
 */
export function redeem(
  state: AgentState,
  token: string,
  trust: AgentContext,
  journalFull: boolean,
): Changed & { readonly outcome: Redemption } {
  const { claims, refusal } = judgeToken(state, token, trust);
  if (refusal || !claims) {
    const refused = refusal ?? "malformed";
    const data: EntryData = claims ? { reason: refused, jti: claims.jti } : { reason: refused };
    const bounded = claims ? "verifiedRefusals" : "unverifiedRefusals";
    const recorded = recordBounded(state, bounded, { kind: "refused", data }, journalFull);
    return {
      state: recorded.state,
      effects: recorded.effects.length > 0 ? [...recorded.effects, { type: "checkIn" }] : [],
      outcome: claims ? { refused, claims } : { refused },
    };
  }
  const known = withEvidence(state, claims);
  return findUsed(known, claims.jti) ? resume(known, claims) : lift(known, claims);
}

function lift(state: AgentState, claims: AgentTokenClaims): Changed & { readonly outcome: Redemption } {
  const liftSeconds = Math.min(claims.lift, state.profile.liftSeconds);
  const usedTokens = rememberUsed(state.usedTokens, { jti: claims.jti, exp: claims.exp, leftMs: liftSeconds * 1000 });
  const { challenge: answered, ...rest } = state;
  // A token without a challenge leaves the outstanding one to the token that is on its way.
  const kept = claims.chg === undefined && answered ? { challenge: answered } : {};
  return {
    state: { ...rest, ...kept, usedTokens, ...lifted(state, claims.jti) },
    effects: [
      {
        type: "journal",
        kind: "redeemed",
        data: {
          jti: claims.jti,
          audience: parseAudience(claims.aud)?.kind ?? "unknown",
          liftSeconds,
          challenge: claims.chg !== undefined,
        },
      },
      { type: "persist" },
      { type: "disarm" },
      { type: "checkIn" },
    ],
    outcome: { accepted: "redeemed", jti: claims.jti, leftSeconds: liftSeconds },
  };
}

function resume(state: AgentState, { jti }: AgentTokenClaims): Changed & { readonly outcome: Redemption } {
  const next = { ...state, ...lifted(state, jti) };
  const leftSeconds = toSeconds(liftLeftMs(next));
  const { protection } = state;
  if (protection.state === "lifted" && protection.jti === jti && !state.liftCarried) {
    return { state, effects: [], outcome: { accepted: "running", jti, leftSeconds } };
  }
  return {
    state: next,
    effects: [
      { type: "journal", kind: "resumed", data: { jti, leftSeconds } },
      { type: "persist" },
      { type: "disarm" },
      { type: "checkIn" },
    ],
    outcome: { accepted: "resumed", jti, leftSeconds },
  };
}

function lifted(state: AgentState, jti: string): Pick<AgentState, "protection" | "liftCarried"> {
  return { protection: { state: "lifted", sinceMs: state.time.trustedMs, jti }, liftCarried: false };
}

/** An accepted token is evidence of the time; one that answers our challenge says what time it is. */
function withEvidence(state: AgentState, claims: AgentTokenClaims): AgentState {
  const { challenge, time } = state;
  if (claims.chg === undefined || !challenge) return { ...state, time: raiseTime(time, claims.iat) };
  return { ...state, time: setTime(time, claims.iat, time.interruptMs - challenge.issuedAtMs) };
}
