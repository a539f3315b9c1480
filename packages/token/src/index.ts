export { decodeBase64url, encodeBase64url } from "./base64url.ts";
export { challengeRandomBytes, encodeChallenge, groupChallenge, parseChallenge } from "./challenge.ts";
export {
  type AgentTokenClaims,
  agentTokenType,
  audienceOf,
  issuerOf,
  parseAudience,
  type TokenKind,
  type TokenTarget,
  unprotectAction,
} from "./claims.ts";
export { type JsonObject, parseCompact, signCompact, type UnverifiedJws, understandsCritical } from "./compact-jws.ts";
export * from "./limits.ts";
export { mint } from "./mint.ts";
export { type RefusalReason, TokenRefused } from "./refusal.ts";
export type { PublicJwk, Signer, VerifyKey } from "./signing.ts";
export { isUnixSeconds, toUnixSeconds, type UnixSeconds } from "./unix-seconds.ts";
export { type AgentContext, checkWindow, type VerifyContext, verify, verifyUndated } from "./verify.ts";
