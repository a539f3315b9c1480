import { type AgentTokenClaims, agentTokenType, decodeClaims, isIssuer, unprotectAction } from "./claims.ts";
import { encodeHeader, type JsonObject, signUnder } from "./compact-jws.ts";
import { maxTokenChars } from "./limits.ts";
import type { Signer } from "./signing.ts";

/**
 * Signs the claims as an agent token: JWS Compact Serialization (RFC 7515 §7.1), `alg` Ed25519 (RFC 9864).
 *
 * The same claims and key give the same token, byte for byte; so a token can be given again without being stored.
 *
 * @throws {TypeError} claims that no agent of any cluster would accept, or a token longer than they read: refused here,
 * where somebody can still act on it
 */
export async function mint(claims: AgentTokenClaims, signer: Signer): Promise<string> {
  const wellFormed = decodeClaims(claims as unknown as JsonObject);
  if (!wellFormed || !isIssuer(wellFormed.iss) || !wellFormed.act.includes(unprotectAction)) {
    throw new TypeError("not the claims of an agent token");
  }
  const token = await signUnder(headerOf(signer), wellFormed, signer);
  if (token.length > maxTokenChars) throw new TypeError(`an agent token has at most ${maxTokenChars} characters`);
  return token;
}

/** Every token that a key signs has the same header. */
const headers = new WeakMap<Signer, Uint8Array>();

function headerOf(signer: Signer): Uint8Array {
  const known = headers.get(signer);
  if (known) return known;
  const header = encodeHeader({ typ: agentTokenType }, signer);
  headers.set(signer, header);
  return header;
}
