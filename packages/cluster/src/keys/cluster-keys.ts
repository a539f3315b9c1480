import { verifyKeyOf } from "@postern/protocol";
import type { Signer, VerifyKey } from "@postern/token";
import type { Db } from "../schema.ts";
import { findKeysByBundle, readOwnBundle } from "./bundle-keys.ts";
import { writeClusterFile } from "./cluster-file.ts";
import { type KeyStore, KeyStoreError } from "./key-store.ts";
import type { KeyUse } from "./tables.ts";

/** The cluster's identity and the keys with which it signs. Private keys never leave it. */
export interface ClusterKeys {
  readonly clusterId: string;
  /** Thumbprints of both root keys, the first being the one that signed the trust bundle. */
  readonly rootThumbprints: readonly string[];
  readonly trustBundle: { readonly version: number; readonly jws: string };
  /** Signs new agent tokens. */
  readonly tokenSigner: Signer;
  /** Signs answers and desired configs. */
  readonly configSigner: Signer;
  /** Signs checkpoints of the audit log, and nothing that an agent would obey. */
  readonly auditSigner: Signer;
  /** An older audit key, which vouches for the one that follows it; null when it is not one, or compromised. */
  auditSignerOf(kid: string): Signer | null;
  /** All audit keys of the key store that are not compromised, by their ids. */
  readonly auditKeys: ReadonlyMap<string, VerifyKey>;
  /**
   * The token key of that id, for signing again what it signed before; null when it is compromised, destroyed, unknown,
   * or not a token key.
   */
  tokenSignerOf(kid: string): Signer | null;
  /** Whether it is a token key of ours that signs nothing any more: compromised or destroyed. */
  isWithdrawn(kid: string): boolean;
  /** All token keys that may sign, newest first; those that are no longer in the trust bundle among them. */
  readonly tokenSigners: readonly Signer[];
  /** Ids of the keys that an agent holds which has acknowledged this version of the trust bundle; none when it is unknown. */
  keyIdsInBundle(version: number): readonly string[];
}

/**
 * Loads the keys of the cluster that the database names. Root keys stay sealed. Keys that another node made are kept in
 * this node's key store, and those that were destroyed are removed from it. Beside the keys it is written down what
 * must be known of the cluster for the day when there is nothing but them.
 *
 * @returns null when the database belongs to no cluster yet
 * @throws {KeyStoreError} when the key store lacks a key that the database names
 */
export async function loadClusterKeys(db: Db, keyStore: KeyStore): Promise<ClusterKeys | null> {
  const read = await db.transaction().execute(readKeys); // as of one moment
  if (read === null) return null;
  const { clusterId, rows, bundle, keysByBundle } = read;
  for (const { kid, use, sealed, destroyed_at } of rows) {
    if (destroyed_at !== null) await keyStore.destroy(kid);
    else if (sealed !== null) await keyStore.adopt(kid, use, sealed);
  }
  const mayLoad = rows.filter((row) => row.state !== "compromised" && row.destroyed_at === null);
  const usableOf = (use: "token" | "audit") =>
    Promise.all(
      mayLoad.filter((row) => row.use === use).map(async ({ kid }) => [kid, await keyStore.load(kid, use)] as const),
    );
  const activeKid = (use: KeyUse): string => {
    const row = mayLoad.findLast((one) => one.use === use && one.state === "active");
    if (row === undefined) throw new KeyStoreError(`The cluster has no active ${use} key.`);
    return row.kid;
  };
  const tokenSigners = new Map<string, Signer>(await usableOf("token"));
  const tokenSigner = tokenSigners.get(activeKid("token"));
  if (tokenSigner === undefined) throw new KeyStoreError("The cluster has no active token key.");
  const auditSigners = new Map<string, Signer>(await usableOf("audit"));
  const withdrawn = new Set(rows.filter((row) => row.use === "token").map((row) => row.kid));
  for (const kid of tokenSigners.keys()) withdrawn.delete(kid);
  const bundlesWith = (kid: string) => [...keysByBundle].filter(([, kids]) => kids.includes(kid)).map(([ver]) => ver);
  writeClusterFile(keyStore, {
    version: 1,
    clusterId,
    trustBundleVersion: bundle.version,
    tokenKeys: [...tokenSigners.keys()].map((kid) => ({ kid, bundles: bundlesWith(kid).sort((a, b) => a - b) })),
  });

  return {
    clusterId,
    rootThumbprints: signedFirst(readOwnBundle(bundle.jws).roots, bundle.jws),
    trustBundle: bundle,
    tokenSigner,
    configSigner: await keyStore.load(activeKid("config"), "config"),
    auditSigner: await keyStore.load(activeKid("audit"), "audit"),
    auditSignerOf: (kid) => auditSigners.get(kid) ?? null,
    auditKeys: new Map([...auditSigners].map(([kid, { publicJwk }]) => [kid, verifyKeyOf(publicJwk)])),
    tokenSignerOf: (kid) => tokenSigners.get(kid) ?? null,
    isWithdrawn: (kid) => withdrawn.has(kid),
    tokenSigners: [...tokenSigners.values()].reverse(),
    keyIdsInBundle: (version) => keysByBundle.get(version) ?? [],
  };
}

async function readKeys(db: Db) {
  const cluster = await db.selectFrom("cluster").select("id").executeTakeFirst();
  if (cluster === undefined) return null;
  const rows = await db
    .selectFrom("signing_key")
    .leftJoin("key_copy", "key_copy.kid", "signing_key.kid")
    .select(["signing_key.kid", "use", "state", "sealed", "destroyed_at"])
    .orderBy("created_at")
    .orderBy("signing_key.kid")
    .execute();
  const bundle = await db
    .selectFrom("trust_bundle")
    .select(["version", "jws"])
    .orderBy("version", "desc")
    .limit(1)
    .executeTakeFirstOrThrow();
  return { clusterId: cluster.id, rows, bundle, keysByBundle: await findKeysByBundle(db) };
}

/** The root named in the bundle's header comes first. It is our own bundle, so its header can be read as it is. */
function signedFirst(roots: readonly string[], bundle: string): string[] {
  const header = JSON.parse(Buffer.from(bundle.split(".", 1)[0] ?? "", "base64url").toString()) as { kid?: string };
  return [...roots].sort((a, b) => Number(b === header.kid) - Number(a === header.kid));
}
