import {
  type AgentTokenClaims,
  agentTokenType,
  decodeClaims,
  issuerOf,
  parseAudience,
  unprotectAction,
} from "./claims.ts";
import { parseCompact, type UnverifiedJws, understandsCritical } from "./compact-jws.ts";
import { maxTokenChars, notBeforeSkewSeconds } from "./limits.ts";
import { TokenRefused } from "./refusal.ts";
import type { VerifyKey } from "./signing.ts";
import type { UnixSeconds } from "./unix-seconds.ts";

/** Who asks: the agent that a token is held against, and the keys it trusts. */
export interface AgentContext {
  /** The token keys of the agent's trust bundle, by `kid`. Keys of other uses do not belong here. */
  readonly tokenKeys: ReadonlyMap<string, VerifyKey>;
  readonly clusterId: string;
  readonly tenantId: string;
  readonly agentId: string;
}

export interface VerifyContext extends AgentContext {
  /** Trusted time; looked at unless the token answers the challenge. */
  readonly now: UnixSeconds;
  /** The one outstanding challenge, 16 symbols without hyphens. */
  readonly challenge?: string;
}

/**
 * Verifies an agent token without any connection and returns its claims.
 *
 * Pure: the same token and context give the same answer. What only an agent's memory can tell (used before, revoked)
 * is checked by its caller.
 *
 * @throws {TokenRefused} with the first reason that applies, in the order of the steps below
 */
export function verify(token: string, context: VerifyContext): AgentTokenClaims {
  const claims = verifyUndated(token, context);
  if (claims.chg !== undefined) {
    checkChallenge(claims.chg, context.challenge);
  } else {
    checkWindow(claims, context.now, notBeforeSkewSeconds);
  }
  return claims;
}

/**
 * All of {@link verify} but time and challenge: by whom, for whom, for what.
 *
 * For an agent that cannot judge the time: it must not tell a forger "your clock is off" nor accept what comes back.
 *
 * @throws {TokenRefused} every reason but challenge_mismatch, not_yet_valid, expired
 */
export function verifyUndated(token: string, context: AgentContext): AgentTokenClaims {
  const unverified = parseCompact(trimTransport(token), maxTokenChars);
  if (!unverified) throw new TokenRefused("malformed");
  checkHeader(unverified);
  checkSignature(unverified, context.tokenKeys);
  const payload = unverified.payload();
  const claims = payload && decodeClaims(payload);
  if (!claims) throw new TokenRefused("malformed");
  checkTarget(claims, context);
  if (!claims.act.includes(unprotectAction)) throw new TokenRefused("action_not_allowed");
  return claims;
}

/**
 * Refuses a token used outside its window.
 *
 * `skewSeconds` widens the lower edge only, for clusters whose clock runs ahead. The upper edge is exclusive: dead in
 * the very second it expires (RFC 7519 §4.1.4, "on or after").
 *
 * @throws {TokenRefused} not_yet_valid, expired
 */
export function checkWindow(
  window: Pick<AgentTokenClaims, "nbf" | "exp">,
  now: UnixSeconds,
  skewSeconds: number,
): void {
  // Asked this way round, so that a time which is no number is refused.
  if (!(now + skewSeconds >= window.nbf)) throw new TokenRefused("not_yet_valid");
  if (!(now < window.exp)) throw new TokenRefused("expired");
}

const understoodHeader: ReadonlySet<string> = new Set();

/** White space around a token and a byte order mark before it come from editors and chat windows, not from attackers. */
function trimTransport(token: string): string {
  // An attacker's megabyte must not be scanned: what is longer than the limit and its surroundings is refused as it is.
  return token.length > 2 * maxTokenChars ? token : token.trim();
}

function checkHeader({ unverifiedHeader: header }: UnverifiedJws): void {
  if (header["typ"] !== agentTokenType) throw new TokenRefused("wrong_type");
  if (header["alg"] !== "Ed25519") throw new TokenRefused("wrong_algorithm");
  if (!understandsCritical(header, understoodHeader)) throw new TokenRefused("malformed");
}

function checkSignature(unverified: UnverifiedJws, keys: ReadonlyMap<string, VerifyKey>): void {
  const kid = unverified.unverifiedHeader["kid"];
  const key = typeof kid === "string" ? keys.get(kid) : undefined;
  if (!key) throw new TokenRefused("unknown_key");
  if (!key.verify(unverified.signingInput, unverified.signature)) throw new TokenRefused("bad_signature");
}

function checkTarget(claims: AgentTokenClaims, context: AgentContext): void {
  if (claims.iss !== issuerOf(context.clusterId)) throw new TokenRefused("wrong_cluster");
  const target = parseAudience(claims.aud);
  switch (target?.kind) {
    case "cluster":
      return;
    case "tenant":
      if (target.tenantId !== context.tenantId) throw new TokenRefused("wrong_tenant");
      return;
    case "agent":
      if (target.agentId !== context.agentId) throw new TokenRefused("wrong_agent");
      return;
    default:
      throw new TokenRefused("malformed");
  }
}

function checkChallenge(answered: string, outstanding: string | undefined): void {
  if (outstanding === undefined || answered !== outstanding) throw new TokenRefused("challenge_mismatch");
}
