import { createHash } from "node:crypto";
import { parsePublicJwk, verifyKeyOf } from "@postern/protocol";
import {
  type JsonObject,
  parseCompact,
  type Signer,
  signCompact,
  understandsCritical,
  type VerifyKey,
} from "@postern/token";

/** The end of a chain at some moment: its newest entry's number and link. */
export interface ChainHead {
  /** `cluster` or a tenant's id. */
  readonly chain: string;
  readonly seq: number;
  /** 64 hex digits. */
  readonly hash: string;
}

/** What a checkpoint says. */
export interface CheckpointClaims {
  /** `urn:postern:cluster:<uuid>` */
  readonly iss: string;
  /** Unix seconds. */
  readonly iat: number;
  /** Counts from 1 without gaps. */
  readonly n: number;
  /** SHA-256, in hex, of the checkpoint before; 64 zeros for the first. */
  readonly prev: string;
  /** How many chains there were. */
  readonly chains: number;
  /** {@link digestOfHeads} */
  readonly heads: string;
  /** Thumbprint of the audit key that may sign from the next checkpoint on: so this one's key vouches for it. */
  readonly next?: string;
}

/**
 * A checkpoint with the heads it is about, to be kept outside the cluster. Heads that its reader may not see are there as
 * leaves only, which say nothing without the head.
 */
export interface CheckpointFile {
  /** JWS compact. */
  readonly checkpoint: string;
  readonly heads: readonly ChainHead[];
  readonly otherLeaves: readonly string[];
}

export type CheckpointRefusal =
  | "malformed"
  | "wrong_type"
  | "wrong_algorithm"
  | "unknown_key"
  | "bad_signature"
  | "wrong_heads";

const refusalText: Readonly<Record<CheckpointRefusal, string>> = {
  malformed: "it is not of a checkpoint's form",
  wrong_type: "it is signed, but no checkpoint",
  wrong_algorithm: "it is signed with an algorithm that is not accepted",
  unknown_key: "it is signed with a key that is not the cluster's audit key",
  bad_signature: "it was altered, or not signed by the key it names",
  wrong_heads: "the heads beside it are not those that were signed",
};

/** A checkpoint that proves nothing. Branch on `reason`. */
export class CheckpointRefused extends Error {
  override readonly name = "CheckpointRefused";
  readonly reason: CheckpointRefusal;

  constructor(reason: CheckpointRefusal) {
    super(refusalText[reason]);
    this.reason = reason;
  }
}

const checkpointType = "audit-checkpoint+jwt";
/** A checkpoint has some 700 characters, whatever the number of chains. */
const maxChars = 4_096;

/** What a head adds to a checkpoint: SHA-256, in hex, over `chain`, `seq` and `hash` with a blank between them. */
export function leafOf({ chain, seq, hash }: ChainHead): string {
  return sha256(`${chain} ${seq} ${hash}`);
}

/** SHA-256, in hex, over all leaves in ascending order with a line feed between them. */
export function digestOfHeads(leaves: Iterable<string>): string {
  return sha256([...leaves].sort().join("\n"));
}

/** What the next checkpoint names as `prev`. */
export function digestOfCheckpoint(jws: string): string {
  return sha256(jws);
}

/** Signs a checkpoint. The public key goes along, so that the checkpoint can be verified by itself: the `kid` is its thumbprint. */
export function sealCheckpoint(claims: CheckpointClaims, signer: Signer): Promise<string> {
  return signCompact({ typ: checkpointType, jwk: signer.publicJwk }, claims, signer);
}

/**
 * Verifies a checkpoint under the audit keys given.
 *
 * @throws {CheckpointRefused} malformed, wrong_type, wrong_algorithm, unknown_key, bad_signature
 */
export function openCheckpoint(jws: string, keyOf: (kid: string) => VerifyKey | undefined): CheckpointClaims {
  const unverified = parseCompact(jws, maxChars);
  if (unverified === undefined) throw new CheckpointRefused("malformed");
  const header = unverified.unverifiedHeader;
  if (header["typ"] !== checkpointType) throw new CheckpointRefused("wrong_type");
  if (header["alg"] !== "Ed25519") throw new CheckpointRefused("wrong_algorithm");
  if (!understandsCritical(header, new Set())) throw new CheckpointRefused("malformed");
  const key = typeof header["kid"] === "string" ? keyOf(header["kid"]) : undefined;
  if (key === undefined) throw new CheckpointRefused("unknown_key");
  if (!key.verify(unverified.signingInput, unverified.signature)) throw new CheckpointRefused("bad_signature");
  const claims = unverified.payload();
  if (claims === undefined || !isClaims(claims)) throw new CheckpointRefused("malformed");
  return claims;
}

/**
 * Verifies a checkpoint that was kept, and that the heads beside it are those it signs.
 *
 * @throws {CheckpointRefused}
 */
export function openCheckpointFile(
  file: unknown,
  keyOf: (kid: string) => VerifyKey | undefined,
): { readonly claims: CheckpointClaims; readonly heads: readonly ChainHead[] } {
  if (!isFile(file)) throw new CheckpointRefused("malformed");
  const claims = openCheckpoint(file.checkpoint, keyOf);
  const leaves = [...file.heads.map(leafOf), ...file.otherLeaves];
  if (leaves.length !== claims.chains || digestOfHeads(leaves) !== claims.heads) {
    throw new CheckpointRefused("wrong_heads");
  }
  return { claims, heads: file.heads };
}

/** Keys of a JWK set (RFC 7517) by their thumbprints; what is no Ed25519 key is left out. */
export function keysOfJwks(jwks: unknown): ReadonlyMap<string, VerifyKey> {
  const keys = isObject(jwks) && Array.isArray(jwks["keys"]) ? (jwks["keys"] as unknown[]) : [];
  const known = keys.flatMap((value) => {
    const jwk = parsePublicJwk(value);
    return jwk === undefined ? [] : [verifyKeyOf(jwk)];
  });
  return new Map(known.map((key) => [key.kid, key]));
}

function isClaims(claims: JsonObject): claims is JsonObject & CheckpointClaims {
  const { iss, iat, n, prev, chains, heads, next } = claims;
  if (next !== undefined && typeof next !== "string") return false;
  return typeof iss === "string" && [iat, n, chains].every(isCount) && isHex(prev) && isHex(heads);
}

function isFile(value: unknown): value is CheckpointFile {
  if (!isObject(value)) return false;
  const { checkpoint, heads, otherLeaves } = value;
  return (
    typeof checkpoint === "string" &&
    Array.isArray(heads) &&
    heads.every(
      (head: unknown) =>
        isObject(head) && typeof head["chain"] === "string" && isCount(head["seq"]) && isHex(head["hash"]),
    ) &&
    Array.isArray(otherLeaves) &&
    otherLeaves.every(isHex)
  );
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isHex(value: unknown): boolean {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}
