import { sealTrustBundle } from "@postern/protocol";
import { issuerOf, type Signer } from "@postern/token";
import type { Audit } from "../audit/record.ts";
import type { UnixMs } from "../clock.ts";
import type { RandomBytes } from "../db/ids.ts";
import { systemOrigin } from "../http/origin.ts";
import type { Tx } from "../schema.ts";
import type { KeyStore } from "./key-store.ts";
import { exportNewRoot } from "./root-file.ts";
import type { KeyUse } from "./tables.ts";

/** The keys of a new cluster, before the database knows them. */
export interface FoundingKeys {
  readonly clusterId: string;
  readonly bundle: string;
  readonly keys: readonly { readonly use: KeyUse; readonly signer: Pick<Signer, "kid" | "publicJwk"> }[];
  /**
   * The second root: a JSON text with its private half, which the operator carries away and the cluster does not keep.
   * With it a cluster whose first root is lost or stolen can still speak to its agents.
   */
  readonly secondRoot: { readonly kid: string; readonly text: string };
}

/** Makes two root keys, a token key, a config key, an audit key, and the first trust bundle, signed by the first root. */
export async function foundKeys(
  clusterId: string,
  keyStore: KeyStore,
  randomBytes: RandomBytes,
  now: UnixMs,
): Promise<FoundingKeys> {
  const root = await keyStore.create("root");
  const second = await exportNewRoot(clusterId, randomBytes, null);
  const token = await keyStore.create("token");
  const config = await keyStore.create("config");
  const auditKey = await keyStore.create("audit");
  const bundle = await sealTrustBundle(
    {
      iss: issuerOf(clusterId),
      ver: 1,
      iat: Math.floor(now / 1000),
      keys: [
        { kid: token.kid, use: "token", jwk: token.publicJwk },
        { kid: config.kid, use: "config", jwk: config.publicJwk },
      ],
      roots: [root.kid, second.kid],
    },
    root,
  );
  return {
    clusterId,
    bundle,
    keys: [
      { use: "root", signer: root },
      { use: "root", signer: second },
      { use: "token", signer: token },
      { use: "config", signer: config },
      { use: "audit", signer: auditKey },
    ],
    secondRoot: second,
  };
}

/** Enters a new cluster and its keys into the database, and both into the audit log. */
export async function enterFoundingKeys(tx: Tx, audit: Audit, founding: FoundingKeys, now: UnixMs): Promise<void> {
  const { clusterId, bundle, keys } = founding;
  await tx.insertInto("cluster").values({ id: clusterId, created_at: now }).execute();
  for (const { use, signer } of keys) {
    const { kid, publicJwk } = signer;
    await tx
      .insertInto("signing_key")
      .values({
        kid,
        use,
        state: "active",
        public_jwk: JSON.stringify(publicJwk),
        created_at: now,
        state_changed_at: now,
      })
      .execute();
  }
  await tx.insertInto("trust_bundle").values({ version: 1, jws: bundle, created_at: now }).execute();
  audit.record(tx, {
    tenantId: null,
    action: "cluster.init",
    outcome: "done",
    origin: systemOrigin,
    target: { kind: "cluster", id: clusterId },
    details: { keys: keys.map(({ use, signer }) => ({ use, kid: signer.kid })), trustBundleVersion: 1 },
  });
}
