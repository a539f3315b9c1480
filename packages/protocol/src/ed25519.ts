import { createPublicKey, hash, type KeyObject, sign, verify } from "node:crypto";
import { decodeBase64url, type PublicJwk, type Signer, type VerifyKey } from "@postern/token";

const publicKeyBytes = 32;

/** The key id of every key here: its JWK thumbprint (RFC 7638 §3, SHA-256, base64url). */
export function thumbprintOf(jwk: PublicJwk): string {
  const canonical = `{"crv":"${jwk.crv}","kty":"${jwk.kty}","x":"${jwk.x}"}`;
  return hash("sha256", canonical, "base64url");
}

/** The members of an Ed25519 public JWK and nothing else, or undefined. */
export function parsePublicJwk(value: unknown): PublicJwk | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { kty, crv, x } = value as Record<string, unknown>;
  if (kty !== "OKP" || crv !== "Ed25519" || typeof x !== "string") return undefined;
  return decodeBase64url(x)?.length === publicKeyBytes ? { kty, crv, x } : undefined;
}

/**
 * A key to verify with; its `kid` is the thumbprint.
 *
 * @throws {TypeError} not an Ed25519 public key
 */
export function verifyKeyOf(jwk: PublicJwk): VerifyKey {
  const parsed = parsePublicJwk(jwk);
  if (!parsed) throw new TypeError("not an Ed25519 public key");
  const key = createPublicKey({ format: "jwk", key: { ...parsed } });
  return {
    kid: thumbprintOf(parsed),
    verify: (message, signature) => verify(null, message, key, signature),
  };
}

/** A signer over a private key that is in this process. @throws {TypeError} not an Ed25519 private key */
export function signerOf(privateKey: KeyObject): Signer {
  if (privateKey.type !== "private" || privateKey.asymmetricKeyType !== "ed25519") {
    throw new TypeError("not an Ed25519 private key");
  }
  const publicJwk = parsePublicJwk(createPublicKey(privateKey).export({ format: "jwk" }));
  if (!publicJwk) throw new TypeError("not an Ed25519 private key");
  return {
    kid: thumbprintOf(publicJwk),
    alg: "Ed25519",
    publicJwk,
    sign: async (message) => sign(null, message, privateKey),
  };
}

/** SHA-256, base64url without padding. */
export function sha256Base64url(bytes: Uint8Array | string): string {
  return hash("sha256", bytes, "base64url");
}
