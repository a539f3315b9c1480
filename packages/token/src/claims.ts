import { parseChallenge } from "./challenge.ts";
import { type JsonObject, understandsCritical } from "./compact-jws.ts";
import { maxLiftSeconds, tokenLifetimeSeconds } from "./limits.ts";
import { isUnixSeconds, type UnixSeconds } from "./unix-seconds.ts";

/** The `typ` of an agent token: no other signed message can be taken for one (RFC 8725 §3.11). */
export const agentTokenType = "agent-token+jwt";

/** The one action there is so far; a token allows it when its `act` names it. */
export const unprotectAction = "unprotect";

/** Whom a token is for. */
export type TokenTarget =
  | { readonly kind: "cluster" }
  | { readonly kind: "tenant"; readonly tenantId: string }
  | { readonly kind: "agent"; readonly agentId: string };

export type TokenKind = TokenTarget["kind"];

/**
 * What an agent token says (RFC 7519 §4).
 *
 * Rule for the wire: a member may be added freely when an agent that ignores it does nothing wrong; one that must not
 * be ignored is named in `crit`, and older agents then refuse the token.
 */
export interface AgentTokenClaims {
  /** `urn:postern:cluster:<uuid>` */
  readonly iss: string;
  /** `cluster`, `tenant:<uuid>` or `agent:<uuid>` */
  readonly aud: string;
  /** UUIDv7; what revocation, replay and the cluster's records go by. */
  readonly jti: string;
  readonly iat: UnixSeconds;
  readonly nbf: UnixSeconds;
  /** Exactly `iat` + 900: dead in this very second. */
  readonly exp: UnixSeconds;
  readonly act: readonly string[];
  /** Budget of the lift, seconds of interrupt time, 1 to 86,400. */
  readonly lift: number;
  /** The challenge that this token answers; only in agent tokens. Replaces the clock. */
  readonly chg?: string;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const understoodClaims = new Set(["iss", "aud", "jti", "iat", "nbf", "exp", "act", "lift", "chg"]);

/** The issuer of a cluster's tokens and messages. */
export function issuerOf(clusterId: string): string {
  return `urn:postern:cluster:${clusterId}`;
}

/** Whether `iss` has the form that {@link issuerOf} gives. */
export function isIssuer(iss: string): boolean {
  return iss.startsWith(issuerOf("")) && uuid.test(iss.slice(issuerOf("").length));
}

/** The `aud` of a token for `target`. */
export function audienceOf(target: TokenTarget): string {
  switch (target.kind) {
    case "cluster":
      return "cluster";
    case "tenant":
      return `tenant:${target.tenantId}`;
    case "agent":
      return `agent:${target.agentId}`;
  }
}

/** Whom an `aud` names, or undefined. Exact: one string, lower-case UUIDs. */
export function parseAudience(aud: unknown): TokenTarget | undefined {
  if (typeof aud !== "string") return undefined;
  if (aud === "cluster") return { kind: "cluster" };
  const colon = aud.indexOf(":");
  const id = aud.slice(colon + 1);
  if (!uuid.test(id)) return undefined;
  const kind = aud.slice(0, colon);
  if (kind === "tenant") return { kind, tenantId: id };
  if (kind === "agent") return { kind, agentId: id };
  return undefined;
}

/** The claims of a decoded payload, whole or not at all. Says nothing of signature, cluster, target or time. */
export function decodeClaims(payload: JsonObject): AgentTokenClaims | undefined {
  if (!understandsCritical(payload, understoodClaims)) return undefined;
  const { iss, aud, jti, iat, nbf, exp, act, lift, chg } = payload;
  const target = parseAudience(aud);
  if (typeof iss !== "string" || !target) return undefined;
  if (typeof jti !== "string" || !uuidV7.test(jti)) return undefined;
  if (!isUnixSeconds(iat) || !isUnixSeconds(nbf) || !isUnixSeconds(exp)) return undefined;
  if (exp - iat !== tokenLifetimeSeconds || nbf < iat || nbf >= exp) return undefined;
  if (!Array.isArray(act) || !act.every((action): action is string => typeof action === "string")) return undefined;
  if (!Number.isInteger(lift) || (lift as number) < 1 || (lift as number) > maxLiftSeconds) return undefined;
  if (chg !== undefined && (typeof chg !== "string" || parseChallenge(chg) !== chg || target.kind !== "agent")) {
    return undefined;
  }
  return {
    iss,
    aud: audienceOf(target),
    jti,
    iat,
    nbf,
    exp,
    act,
    lift: lift as number,
    ...(chg === undefined ? {} : { chg }),
  };
}
