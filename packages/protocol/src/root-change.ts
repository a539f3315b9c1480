import type { Signer } from "@postern/token";
import Type from "typebox";
import { parsePublicJwk, thumbprintOf, verifyKeyOf } from "./ed25519.ts";
import { maxRootChangeChars, maxRootChanges } from "./limits.ts";
import { MessageRefused } from "./refusal.ts";
import { Issuer, Seconds, Sha256 } from "./schemas.ts";
import { messageKind, readUnverified, sealMessage } from "./signed-message.ts";

const RootChangeClaims = Type.Object({
  iss: Issuer,
  /** 1, 2, 3 …: which change of the cluster's roots it is. */
  ver: Type.Integer({ minimum: 1, maximum: maxRootChanges }),
  iat: Seconds,
  /** Thumbprints of the roots from then on; the first signs trust bundles. */
  roots: Type.Array(Sha256, { minItems: 1, maxItems: 2 }),
});
export type RootChangeClaims = Type.Static<typeof RootChangeClaims>;

const rootChange = messageKind("root-change+jwt", maxRootChangeChars, RootChangeClaims);

/** Roots that may vouch for a cluster, after how many changes of them. */
export interface PinnedRoots {
  readonly version: number;
  readonly thumbprints: ReadonlySet<string>;
}

/** The same; null: how many changes there were before is not known, as with the root in an activation key. */
export interface RootPins {
  readonly version: number | null;
  readonly thumbprints: ReadonlySet<string>;
}

/** The pin of who knows no more than one root. */
export function pinsOf(rootThumbprint: string): RootPins {
  return { version: null, thumbprints: new Set([rootThumbprint]) };
}

/** Signs a root change with a root of before it, whose public half goes along in the header. */
export async function sealRootChange(claims: RootChangeClaims, root: Signer): Promise<string> {
  return sealMessage(rootChange, claims, root, { jwk: root.publicJwk });
}

/**
 * Where root changes lead from what is pinned. Each must be signed by a root that is pinned at that point, and be the
 * next one; what it does not name is pinned no longer. Those up to the pinned version are old: nothing in them is used,
 * so that none can be played again.
 *
 * From pins without a version the way begins at the first change that one of them signed.
 *
 * @throws {MessageRefused} malformed, wrong_type, wrong_algorithm, unknown_key, bad_signature, wrong_cluster;
 *   root_change_missing: one between is not there
 */
export function followRootChanges(changes: readonly string[], pins: RootPins, iss: string): RootPins {
  return changes.reduce((at: RootPins, message) => followOne(message, at, iss), pins);
}

function followOne(message: string, pins: RootPins, iss: string): RootPins {
  const unverified = readUnverified(rootChange, message);
  const { ver } = unverified.unverifiedClaims;
  if (pins.version !== null && ver <= pins.version) return pins;
  const jwk = parsePublicJwk(unverified.unverifiedHeader["jwk"]);
  const isPinned = jwk !== undefined && pins.thumbprints.has(thumbprintOf(jwk));
  if (pins.version === null && !isPinned) return pins;
  const root = isPinned ? verifyKeyOf(jwk) : undefined;
  const claims = unverified.verify((kid) => (root?.kid === kid ? root : undefined));
  if (claims.iss !== iss) throw new MessageRefused("wrong_cluster");
  if (pins.version !== null && claims.ver !== pins.version + 1) throw new MessageRefused("root_change_missing");
  return { version: claims.ver, thumbprints: new Set(claims.roots) };
}
