import Type from "typebox";
import { maxAfterMs, maxHoldMs } from "./limits.ts";

/** Lower-case UUID of any version (RFC 9562). */
export const Uuid = Type.String({
  pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
});

/** 32 bytes in base64url: a thumbprint or another SHA-256. */
export const Sha256 = Type.String({ pattern: "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$" });

/** 16 random bytes in base64url: an answer that repeats it was made for this request and no other. */
export const Nonce = Type.String({ pattern: "^[A-Za-z0-9_-]{21}[AQgw]$" });

/** Whole seconds since 1970. */
export const Seconds = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** Whole milliseconds since 1970. */
export const Milliseconds = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** A number that only rises. */
export const Counter = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

export const Issuer = Type.String({
  pattern: "^urn:postern:cluster:[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
});

/** Version of an agent or of a package of it: three numbers without leading zeros, so that one is higher than another. */
export const agentVersionPattern = "^(?:0|[1-9][0-9]{0,4})(?:\\.(?:0|[1-9][0-9]{0,4})){2}$";
export const AgentVersion = Type.String({ pattern: agentVersionPattern });

/**
 * Name of a Windows service: at most 256 characters without slashes, in any case. Printable ASCII only, without quotation
 * marks and commas: such names can be listed, and none looks like another.
 */
export const serviceNamePattern = "^(?! )[ !#-+\\-.0-\\[\\]-~]{0,255}[!#-+\\-.0-\\[\\]-~]$";
export const ServiceName = Type.String({ pattern: serviceNamePattern });

/** A signed part inside a message, still to be verified by its own rules. */
export function signedPart(maxChars: number) {
  return Type.String({ maxLength: maxChars, pattern: "^[A-Za-z0-9_.-]+$" });
}

/**
 * Text that an agent reports of its workload: no control characters, which could speak to somebody's terminal, and no
 * lone surrogates, which databases refuse. Counted in code points, so that its size in UTF-8 is bounded too.
 */
export function reportedText(maxCodePoints: number) {
  return Type.String({ pattern: `^[^\\p{Cc}\\p{Cs}]{1,${maxCodePoints}}$` });
}

/** When the agent should come again, and how long the cluster may hold the next answer. */
export const Next = Type.Object({
  holdMs: Type.Integer({ minimum: 0, maximum: maxHoldMs }),
  afterMs: Type.Integer({ minimum: 0, maximum: maxAfterMs }),
});
export type Next = Type.Static<typeof Next>;
