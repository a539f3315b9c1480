import { sealTrustBundle } from "@postern/protocol";
import { toUnixSeconds } from "@postern/token";
import type { UnixMs } from "../clock.ts";
import type { Tx } from "../schema.ts";
import { readOwnBundle } from "./bundle-keys.ts";
import { type KeyStore, KeyStoreError } from "./key-store.ts";

/**
 * Issues the newest trust bundle again, with a version above every one that this cluster can have issued since: agents may
 * hold bundles that a restored database does not know, and take no older one. Versions rise by one with each change
 * of the keys, so never as fast as the seconds do; and the second of a restore is higher than that of any restore before.
 *
 * @returns the version
 * @throws {KeyStoreError} when the root key that signed it is not here
 */
export async function reissueTrustBundle(tx: Tx, keyStore: KeyStore, now: UnixMs): Promise<number> {
  const { jws } = await tx
    .selectFrom("trust_bundle")
    .select("jws")
    .orderBy("version", "desc")
    .limit(1)
    .executeTakeFirstOrThrow();
  const last = readOwnBundle(jws);
  const version = Math.max(last.ver + 1, toUnixSeconds(now));
  const claims = { ...last, ver: version, iat: toUnixSeconds(now) };
  const sealed = await sealTrustBundle(claims, await keyStore.load(rootOf(jws), "root"));
  await tx.insertInto("trust_bundle").values({ version, jws: sealed, created_at: now }).execute();
  return version;
}

/** The root that signed a bundle of our own, whose header therefore can be read as it is. */
function rootOf(jws: string): string {
  const header = JSON.parse(Buffer.from(jws.split(".", 1)[0] ?? "", "base64url").toString()) as { kid?: unknown };
  if (typeof header.kid !== "string") throw new KeyStoreError("The trust bundle names no root key.");
  return header.kid;
}

/**
 * Loads every key that a node needs to serve the cluster that the database names, so that one which is missing shows
 * before anything else is done.
 *
 * @throws {KeyStoreError}
 */
export async function requireServingKeys(tx: Tx, keyStore: KeyStore): Promise<void> {
  const rows = await tx
    .selectFrom("signing_key")
    .leftJoin("key_copy", "key_copy.kid", "signing_key.kid")
    .select(["signing_key.kid", "use", "state", "sealed", "destroyed_at"])
    .where("use", "!=", "root")
    .execute();
  for (const { kid, use, state, sealed, destroyed_at } of rows) {
    if (state === "compromised" || destroyed_at !== null || (use === "config" && state !== "active")) continue;
    if (sealed !== null) await keyStore.adopt(kid, use, sealed);
    await keyStore.load(kid, use);
  }
}
