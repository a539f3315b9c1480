import type { TrustBundleClaims } from "@postern/protocol";
import type { Db } from "../schema.ts";

/** The claims of a bundle of our own, whose signature therefore needs no check. */
export function readOwnBundle(jws: string): TrustBundleClaims {
  return JSON.parse(Buffer.from(jws.split(".")[1] ?? "", "base64url").toString()) as TrustBundleClaims;
}

/** Key ids by the version of the trust bundle that has them. */
export type KeysByBundle = ReadonlyMap<number, readonly string[]>;

/** Which keys an agent holds that has acknowledged a bundle, for every bundle there was. */
export async function findKeysByBundle(db: Db): Promise<KeysByBundle> {
  const bundles = await db.selectFrom("trust_bundle").select(["version", "jws"]).execute();
  return new Map(bundles.map(({ version, jws }) => [version, readOwnBundle(jws).keys.map(({ kid }) => kid)]));
}
