import type { ChangeFeed } from "../change-feed.ts";
import type { Clock } from "../clock.ts";
import type { Db } from "../schema.ts";
import { type ClusterKeys, loadClusterKeys } from "./cluster-keys.ts";
import type { KeyStore } from "./key-store.ts";

/**
 * The cluster's keys as they are now: each member may be another at the next look. Who needs several that belong
 * together takes them from `snapshot` or `fresh`.
 */
export interface LiveClusterKeys extends ClusterKeys {
  /** All of them as of one moment. */
  snapshot(): ClusterKeys;
  /** The same, with every change in it that this node was told of. */
  fresh(): Promise<ClusterKeys>;
  /** The same, looked up anew: for who has just changed them, and does not wait until this node is told. */
  reload(): Promise<ClusterKeys>;
  /** The same, once it has a trust bundle of that version or a newer one, if there is one at all. */
  atLeast(bundleVersion: number): Promise<ClusterKeys>;
}

export interface FollowKeysOptions {
  readonly reads: Db;
  readonly keyStore: KeyStore;
  readonly feed: ChangeFeed;
  readonly clock: Clock;
  /** Told when the keys could not be loaded; the ones before stay, and it is tried again at the next look. */
  readonly failed: (error: unknown) => void;
}

/** A node that cannot load the keys asks again no sooner than this, however many agents come meanwhile. */
const retryAfterMs = 1_000;

/** Keys that follow what happens to them on any node, without a restart. */
export function followClusterKeys(
  loaded: ClusterKeys,
  { reads, keyStore, feed, clock, failed }: FollowKeysOptions,
): LiveClusterKeys {
  let current = loaded;
  let isStale = true; // something may have changed since they were loaded
  let retryAt = 0;
  let loading: Promise<void> | undefined;
  feed.changes(({ kind }) => {
    if (kind === "keys" || kind === "anything") isStale = true;
  });

  async function load(): Promise<void> {
    while (isStale) {
      isStale = false;
      try {
        current = (await loadClusterKeys(reads, keyStore)) ?? current;
      } catch (error) {
        isStale = true;
        retryAt = clock.now() + retryAfterMs;
        failed(error);
        break;
      }
    }
    loading = undefined;
  }

  async function fresh(): Promise<ClusterKeys> {
    if (loading !== undefined || (isStale && clock.now() >= retryAt)) {
      loading ??= load();
      await loading;
    }
    return current;
  }

  return {
    get clusterId() {
      return current.clusterId;
    },
    get rootThumbprints() {
      return current.rootThumbprints;
    },
    get trustBundle() {
      return current.trustBundle;
    },
    get tokenSigner() {
      return current.tokenSigner;
    },
    get configSigner() {
      return current.configSigner;
    },
    get auditSigner() {
      return current.auditSigner;
    },
    auditSignerOf: (kid) => current.auditSignerOf(kid),
    get auditKeys() {
      return current.auditKeys;
    },
    get tokenSigners() {
      return current.tokenSigners;
    },
    tokenSignerOf: (kid) => current.tokenSignerOf(kid),
    isWithdrawn: (kid) => current.isWithdrawn(kid),
    keyIdsInBundle: (version) => current.keyIdsInBundle(version),
    snapshot: () => current,
    fresh,
    reload() {
      isStale = true;
      return fresh();
    },
    async atLeast(bundleVersion) {
      if ((await fresh()).trustBundle.version >= bundleVersion) return current;
      const newest = await reads
        .selectFrom("trust_bundle")
        .select("version")
        .orderBy("version", "desc")
        .limit(1)
        .executeTakeFirst();
      if (newest !== undefined && newest.version > current.trustBundle.version) isStale = true;
      return fresh();
    },
  };
}
