/** A public Ed25519 key as a JWK (RFC 8037 §2). */
export interface PublicJwk {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  /** The 32 bytes of the key, base64url. */
  readonly x: string;
}

/**
 * A private key that signs by a call, so that it may live in a file, in a module or in another process.
 * Ed25519 is deterministic (RFC 8032 §5.1.6): the same bytes give the same signature, always.
 */
export interface Signer {
  readonly kid: string;
  readonly alg: "Ed25519";
  readonly publicJwk: PublicJwk;
  /** The 64-byte signature over `message`, which may be a part of a larger buffer: what lies around it is none of the signer's. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** A public key ready to verify with. */
export interface VerifyKey {
  readonly kid: string;
  /** True only for a valid Ed25519 signature; anything else is false, never an exception. */
  verify(message: Uint8Array, signature: Uint8Array): boolean;
}
