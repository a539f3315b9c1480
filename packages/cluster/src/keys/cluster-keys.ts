import { verifyKeyOf } from "@postern/protocol";
import type { Signer, VerifyKey } from "@postern/token";
import type { Db } from "../schema.ts";
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
  /** All audit keys of the key store that are not compromised, by their ids. */
  readonly auditKeys: ReadonlyMap<string, VerifyKey>;
  /**
   * The token key of that id, for signing again what it signed before; null when it is compromised, unknown, or not a
   * token key.
   */
  tokenSignerOf(kid: string): Signer | null;
}

/**
 * Loads the keys of the cluster that the database names. Root keys stay sealed.
 *
 * @returns null when the database belongs to no cluster yet
 * @throws {KeyStoreError} when the key store lacks a key that the database names
 */
export async function loadClusterKeys(db: Db, keyStore: KeyStore): Promise<ClusterKeys | null> {
  const cluster = await db.selectFrom("cluster").select("id").executeTakeFirst();
  if (cluster === undefined) return null;
  const rows = await db
    .selectFrom("signing_key")
    .select(["kid", "use", "state"])
    .orderBy("created_at")
    .orderBy("kid")
    .execute();
  const bundle = await db
    .selectFrom("trust_bundle")
    .select(["version", "jws"])
    .orderBy("version", "desc")
    .limit(1)
    .executeTakeFirstOrThrow();

  const usableOf = (use: "token" | "audit") =>
    rows
      .filter((row) => row.use === use && row.state !== "compromised")
      .map(({ kid }) => [kid, keyStore.load(kid, use)] as const);
  const tokenSigners = new Map<string, Signer>(usableOf("token"));
  const activeKid = (use: KeyUse): string => {
    const row = rows.findLast((one) => one.use === use && one.state === "active");
    if (row === undefined) throw new KeyStoreError(`The cluster has no active ${use} key.`);
    return row.kid;
  };
  const tokenSigner = tokenSigners.get(activeKid("token"));
  if (tokenSigner === undefined) throw new KeyStoreError("The cluster has no active token key.");
  const roots = rows.filter((row) => row.use === "root" && row.state !== "compromised").map((row) => row.kid);

  return {
    clusterId: cluster.id,
    rootThumbprints: signedFirst(roots, bundle.jws),
    trustBundle: bundle,
    tokenSigner,
    configSigner: keyStore.load(activeKid("config"), "config"),
    auditSigner: keyStore.load(activeKid("audit"), "audit"),
    auditKeys: new Map(usableOf("audit").map(([kid, { publicJwk }]) => [kid, verifyKeyOf(publicJwk)])),
    tokenSignerOf: (kid) => tokenSigners.get(kid) ?? null,
  };
}

/** The root named in the bundle's header comes first. It is our own bundle, so its header can be read as it is. */
function signedFirst(roots: readonly string[], bundle: string): string[] {
  const header = JSON.parse(Buffer.from(bundle.split(".", 1)[0] ?? "", "base64url").toString()) as { kid?: string };
  return [...roots].sort((a, b) => Number(b === header.kid) - Number(a === header.kid));
}
