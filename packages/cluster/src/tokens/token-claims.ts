import {
  type AgentTokenClaims,
  audienceOf,
  issuerOf,
  type TokenTarget,
  tokenLifetimeSeconds,
  toUnixSeconds,
} from "@postern/token";

export interface NewClaims {
  readonly clusterId: string;
  readonly target: TokenTarget;
  /** UUIDv7; also the id of the cluster's record. */
  readonly jti: string;
  readonly nowMs: number;
  readonly liftSeconds: number;
  /** 16 symbols without hyphens; for agent tokens only. */
  readonly challenge: string | undefined;
}

/** The claims of a token that is valid from now on. */
export function newTokenClaims(wanted: NewClaims): AgentTokenClaims {
  const iat = toUnixSeconds(wanted.nowMs);
  return {
    iss: issuerOf(wanted.clusterId),
    aud: audienceOf(wanted.target),
    jti: wanted.jti,
    iat,
    nbf: iat,
    exp: toUnixSeconds((iat + tokenLifetimeSeconds) * 1000),
    act: ["unprotect"],
    lift: wanted.liftSeconds,
    ...(wanted.challenge !== undefined && { chg: wanted.challenge }),
  };
}
