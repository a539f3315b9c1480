import { issuerOf, type Signer, type VerifyKey } from "@postern/token";
import Type from "typebox";
import { parsePublicJwk, thumbprintOf, verifyKeyOf } from "./ed25519.ts";
import { maxBundleKeys, maxPartChars, maxRootChangeChars, maxRootChanges } from "./limits.ts";
import { MessageRefused } from "./refusal.ts";
import { followRootChanges, type PinnedRoots, type RootPins } from "./root-change.ts";
import { Counter, Issuer, Seconds, Sha256, signedPart } from "./schemas.ts";
import { messageKind, readUnverified, sealMessage } from "./signed-message.ts";

export const keyUses = ["token", "config"] as const;
export type KeyUse = (typeof keyUses)[number];

const Jwk = Type.Object({ kty: Type.Literal("OKP"), crv: Type.Literal("Ed25519"), x: Sha256 });

const TrustBundleClaims = Type.Object({
  iss: Issuer,
  /** Rises with every change; an agent never goes back. */
  ver: Counter,
  iat: Seconds,
  keys: Type.Array(Type.Object({ kid: Sha256, use: Type.Enum(keyUses), jwk: Jwk }), {
    maxItems: maxBundleKeys,
  }),
  roots: Type.Array(Sha256, { minItems: 1, maxItems: 2 }),
  /** Every change of the roots that there was, oldest first: the way from any pin to the root that signed this. */
  rootChanges: Type.Optional(Type.Array(signedPart(maxRootChangeChars), { maxItems: maxRootChanges })),
});
export type TrustBundleClaims = Type.Static<typeof TrustBundleClaims>;

const trustBundle = messageKind("trust-bundle+jwt", maxPartChars, TrustBundleClaims);

/** The cluster's current public keys, as a root key vouches for them. */
export interface TrustBundle {
  readonly clusterId: string;
  readonly version: number;
  readonly issuedAt: number;
  readonly tokenKeys: ReadonlyMap<string, VerifyKey>;
  readonly configKeys: ReadonlyMap<string, VerifyKey>;
  /** Thumbprints of the cluster's roots. */
  readonly roots: ReadonlySet<string>;
  /** What to pin from here on: what was pinned before, led along the root changes in the bundle. */
  readonly pinned: PinnedRoots;
}

/** Signs a trust bundle with a root key, whose public half goes along in the header: agents pin its thumbprint only. */
export async function sealTrustBundle(claims: TrustBundleClaims, root: Signer): Promise<string> {
  return sealMessage(trustBundle, claims, root, { jwk: root.publicJwk });
}

/**
 * Verifies a trust bundle against pinned roots, or against those that the root changes in it lead to from there.
 *
 * The header's `jwk` is trusted because its thumbprint is pinned, and for no other reason. A key's `kid` is its
 * thumbprint, so no bundle can give a known id to another key.
 *
 * Who pins no more than the root of an activation key takes over the bundle's own roots.
 *
 * @throws {MessageRefused} malformed, wrong_type, wrong_algorithm, unknown_key, bad_signature; wrong_cluster,
 *   root_change_missing: of a root change
 */
export function openTrustBundle(message: string, pins: RootPins): TrustBundle {
  const unverified = readUnverified(trustBundle, message);
  const { rootChanges = [], iss } = unverified.unverifiedClaims;
  const led = followRootChanges(rootChanges, pins, iss);
  const jwk = parsePublicJwk(unverified.unverifiedHeader["jwk"]);
  const root = jwk && led.thumbprints.has(thumbprintOf(jwk)) ? verifyKeyOf(jwk) : undefined;
  const claims = unverified.verify((kid) => (root?.kid === kid ? root : undefined));
  checkKeyIds(claims.keys);
  return {
    clusterId: claims.iss.slice(issuerOf("").length),
    version: claims.ver,
    issuedAt: claims.iat,
    tokenKeys: keysOf(claims, "token"),
    configKeys: keysOf(claims, "config"),
    roots: new Set(claims.roots),
    pinned:
      led.version === null
        ? { version: rootChanges.length, thumbprints: new Set([...led.thumbprints, ...claims.roots]) }
        : { version: led.version, thumbprints: led.thumbprints },
  };
}

/** Each key under its thumbprint and for one use only, or the whole bundle is refused. */
function checkKeyIds(keys: TrustBundleClaims["keys"]): void {
  const seen = new Set<string>();
  for (const { kid, jwk } of keys) {
    if (kid !== thumbprintOf(jwk) || seen.has(kid)) throw new MessageRefused("malformed");
    seen.add(kid);
  }
}

function keysOf(claims: TrustBundleClaims, use: KeyUse): ReadonlyMap<string, VerifyKey> {
  const ofUse = claims.keys.filter((entry) => entry.use === use);
  return new Map(ofUse.map((entry) => [entry.kid, verifyKeyOf(entry.jwk)]));
}
