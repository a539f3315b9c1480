import type { AuditTarget } from "../audit/entry.ts";
import { createAudit } from "../audit/record.ts";
import type { Clock } from "../clock.ts";
import { Deferred, openDeferrals } from "../db/commit-lane.ts";
import type { NewId } from "../db/ids.ts";
import { systemOrigin } from "../http/origin.ts";
import { type KeyStore, KeyStoreError } from "../keys/key-store.ts";
import { reissueTrustBundle, requireServingKeys } from "../keys/reissue-bundle.ts";
import type { Database, Tx } from "../schema.ts";
import type { CheckedBackup } from "./check-backup.ts";

export interface RecoverOptions {
  readonly backup: CheckedBackup;
  readonly keyStore: KeyStore;
  readonly clock: Clock;
  readonly newId: NewId;
  /** Whether activation keys stay usable that were usable when the backup was made. */
  readonly keepActivationKeys: boolean;
  readonly revokeApiKeys: boolean;
}

export interface RevokedActivationKey {
  readonly id: string;
  readonly tenantId: string;
  readonly tenant: string;
  readonly description: string;
}

export interface RestoredApiKey {
  readonly id: string;
  readonly name: string;
  readonly user: string;
  readonly createdAt: number;
  readonly usedAt: number | null;
}

/** What a restored cluster is told by, and what people have to look at. */
export interface Recovered {
  readonly restoredAt: number;
  /** Null: this data directory lacks the root key, so there is no new trust bundle. */
  readonly trustBundleVersion: number | null;
  readonly revokedActivationKeys: readonly RevokedActivationKey[];
  /** All there are; with `revokeApiKeys` there are none of them left. */
  readonly apiKeys: readonly RestoredApiKey[];
}

/**
 * Makes of the rows of a backup a cluster that agents can come back to, however much newer they are, and in which nothing
 * is usable again that may have been spent or withdrawn since:
 *
 * - a trust bundle above all that were issued since,
 * - the gap between backup and restore, on record,
 * - activation keys revoked, since their uses may be spent and their revocations are forgotten,
 * - an entry in every audit chain, since each of them has lost its end.
 *
 * Sessions are in no backup.
 *
 * @throws {KeyStoreError} when a key is missing without which no node could serve the cluster
 */
export async function recover(tx: Tx, options: RecoverOptions): Promise<Recovered> {
  const { backup, keyStore, clock, newId, keepActivationKeys, revokeApiKeys } = options;
  const now = clock.now();
  await requireServingKeys(tx, keyStore);
  const trustBundleVersion = await reissued(tx, keyStore, now);
  const madeAt = Date.parse(backup.manifest.madeAt);
  await tx
    .insertInto("restore_gap")
    .values({ id: newId(), from_at: Math.min(madeAt, now), to_at: now })
    .execute();
  const revokedActivationKeys = keepActivationKeys ? [] : await revokeActivationKeys(tx, now);
  const apiKeys = await listApiKeys(tx);
  if (revokeApiKeys) await tx.deleteFrom("api_key").execute();
  const recovered = { restoredAt: now, trustBundleVersion, revokedActivationKeys, apiKeys };
  await enter(tx, options, recovered);
  return recovered;
}

async function reissued(tx: Tx, keyStore: KeyStore, now: number): Promise<number | null> {
  try {
    return await reissueTrustBundle(tx, keyStore, now);
  } catch (error) {
    if (error instanceof KeyStoreError) return null;
    throw error;
  }
}

async function revokeActivationKeys(tx: Tx, now: number): Promise<RevokedActivationKey[]> {
  const usable = await tx
    .selectFrom("activation_key")
    .innerJoin("tenant", "tenant.id", "activation_key.tenant_id")
    .select(["activation_key.id", "tenant.id as tenantId", "tenant.name as tenant", "description"])
    .where("revoked_at", "is", null)
    .where("expires_at", ">", now)
    .whereRef("uses", "<", "max_uses")
    .orderBy("tenant.name_search")
    .orderBy("activation_key.id")
    .execute();
  await tx
    .updateTable("activation_key")
    .set({ revoked_at: now })
    .where("revoked_at", "is", null)
    .where("expires_at", ">", now)
    .whereRef("uses", "<", "max_uses")
    .execute();
  return usable;
}

function listApiKeys(tx: Tx): Promise<RestoredApiKey[]> {
  return tx
    .selectFrom("api_key")
    .innerJoin("user_account", "user_account.id", "api_key.user_id")
    .select(["api_key.id", "api_key.name", "user_account.name as user"])
    .select(["api_key.created_at as createdAt", "used_at as usedAt"])
    .orderBy("user_account.name_search")
    .orderBy("api_key.id")
    .execute();
}

/** In the cluster's chain all of it; in each tenant's what concerns it, since its auditors see no other. */
async function enter(
  tx: Tx,
  { backup, clock, newId, revokeApiKeys }: RecoverOptions,
  recovered: Recovered,
): Promise<void> {
  const { manifest, sha256 } = backup;
  const audit = createAudit(clock, newId);
  openDeferrals(tx);
  const chains = new Set(["cluster", ...manifest.auditHeads.map(({ chain }) => chain)]);
  for (const chain of chains) {
    const tenantId = chain === "cluster" ? null : chain;
    const head = manifest.auditHeads.find((one) => one.chain === chain);
    const target: AuditTarget = { kind: "cluster", id: manifest.clusterId };
    const keys = recovered.revokedActivationKeys.filter((key) => key.tenantId === tenantId);
    audit.record(tx, {
      tenantId,
      action: restoreAction,
      outcome: "done",
      origin: systemOrigin,
      target,
      why: "restored from a backup",
      details: {
        backupMadeAt: manifest.madeAt,
        lastKeptSeq: head?.seq ?? 0,
        ...(tenantId === null
          ? {
              backupSha256: sha256,
              trustBundleVersion: recovered.trustBundleVersion,
              revokedActivationKeys: recovered.revokedActivationKeys.length,
              ...(revokeApiKeys && { revokedApiKeys: recovered.apiKeys.map(({ id }) => id) }),
            }
          : { revokedActivationKeys: keys.map(({ id }) => id) }),
      },
    });
  }
  const deferred = new Deferred<Database>();
  deferred.takeFrom(tx);
  await deferred.append(tx);
}

/** The audit log's word for a restore, in every chain. */
export const restoreAction = "cluster.restore";
