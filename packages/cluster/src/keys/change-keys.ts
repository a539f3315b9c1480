import { sealTrustBundle, type TrustBundleClaims } from "@postern/protocol";
import { issuerOf, type Signer, toUnixSeconds } from "@postern/token";
import type { Audit } from "../audit/record.ts";
import type { ChangePublisher } from "../change-feed.ts";
import type { Clock } from "../clock.ts";
import type { Origin } from "../http/origin.ts";
import { Problem } from "../http/problems.ts";
import type { Db, Store, Tx } from "../schema.ts";
import { readOwnBundle } from "./bundle-keys.ts";
import { type KeyStore, KeyStoreError } from "./key-store.ts";
import type { LiveClusterKeys } from "./live-keys.ts";
import type { KeyState, SigningKeyTable } from "./tables.ts";

/** Keys that are replaced while the cluster runs. */
export const replaceableUses = ["token", "config"] as const;
export type ReplaceableUse = (typeof replaceableUses)[number];

/** Keys that are rotated while the cluster runs; agents know nothing of those of the audit log. */
export const rotatableUses = [...replaceableUses, "audit"] as const;
export type RotatableUse = (typeof rotatableUses)[number];

export interface KeyServices {
  readonly store: Store;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly keyStore: KeyStore;
  readonly keys: LiveClusterKeys;
  readonly feed: ChangePublisher;
}

/** Who changes a key, and why. */
export interface KeyOrder {
  readonly origin: Origin;
  readonly reason: string;
}

/** What is to become of the keys. */
export interface KeyPlan {
  /** For the audit log: what is done to which key. */
  readonly action: "key.rotate" | "key.compromise";
  readonly kid: string | null;
  /** New states, by key id. */
  readonly states: ReadonlyMap<string, KeyState>;
  /** A key of this use is made and active from now on. */
  readonly makes: RotatableUse | null;
}

/** The keys as they are before a change, oldest first. */
export type KeyRows = readonly SigningKeyTable[];

export interface KeyChange {
  /** The key that was made. */
  readonly madeKid: string | null;
  readonly trustBundleVersion: number;
}

interface MadeKey {
  readonly use: RotatableUse;
  readonly signer: Signer;
  /** For the other nodes; null: they reach it by themselves. */
  readonly sealed: string | null;
}

/** Somebody else changed keys meanwhile: it is planned anew on what is there then. More often than this it is not by chance. */
const maxAttempts = 5;

/**
 * Changes keys as `plan` wants (null: nothing is to be done), with a trust bundle of the next version when agents have to know.
 *
 * In this order, so that a power cut leaves either all or nothing of it: the new key's file is on disk first (without
 * its row it is a file that nobody asks for); then one transaction has the rows, the bundle and the audit entry. The
 * bundle is signed before that, and the transaction refuses when it is not the next one any more.
 *
 * @throws {Problem} what `plan` throws; root_key_missing: this node cannot sign a trust bundle
 */
export async function changeKeys(
  services: KeyServices,
  order: KeyOrder,
  plan: (rows: KeyRows) => KeyPlan | null,
): Promise<KeyChange> {
  const { store, keyStore, keys, clock } = services;
  const { clusterId } = keys;
  let made: MadeKey | null = null;
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const before = await readKeyRows(store.reads);
    const wanted = plan(before.rows);
    if (wanted === null) return { madeKid: null, trustBundleVersion: before.bundle.version };
    if (wanted.makes === null) made = null;
    else if (made?.use !== wanted.makes) made = await makeKey(keyStore, wanted.makes);
    const after = before.rows.map((row) => ({ ...row, state: wanted.states.get(row.kid) ?? row.state }));
    const entries = [
      ...after.filter(isInBundle).map(({ kid, use, public_jwk }) => ({ kid, use, jwk: JSON.parse(public_jwk) })),
      ...(made === null || made.use === "audit"
        ? []
        : [{ kid: made.signer.kid, use: made.use, jwk: made.signer.publicJwk }]),
    ] as TrustBundleClaims["keys"];
    const last = readOwnBundle(before.bundle.jws);
    const isSame =
      entries.length === last.keys.length && entries.every(({ kid }) => last.keys.some((k) => k.kid === kid));
    const now = clock.now();
    const version = isSame ? last.ver : last.ver + 1;
    const jws = isSame
      ? null
      : await sealTrustBundle(
          { ...last, iss: issuerOf(clusterId), ver: version, iat: toUnixSeconds(now), keys: entries },
          await loadRoot(keyStore, keys.rootThumbprints[0] ?? ""),
        );
    const done = await store.durable(async (tx) => {
      const current = await readKeyRows(tx);
      if (!isUnchanged(before, current)) return false;
      await enter(tx, wanted, made, now);
      if (jws !== null) await tx.insertInto("trust_bundle").values({ version, jws, created_at: now }).execute();
      services.audit.record(tx, {
        tenantId: null,
        action: wanted.action,
        outcome: "done",
        origin: order.origin,
        target: { kind: "key", id: wanted.kid ?? made?.signer.kid ?? null },
        why: order.reason,
        details: {
          ...(made !== null && { made: { use: made.use, kid: made.signer.kid } }),
          states: Object.fromEntries(wanted.states),
          trustBundleVersion: version,
        },
      });
      services.feed.publish(tx, { kind: "keys" });
      return true;
    });
    if (!done) continue;
    await keys.reload();
    return { madeKid: made?.signer.kid ?? null, trustBundleVersion: version };
  }
  throw new Problem("precondition_failed", "Somebody else changes keys at the same time.");
}

async function makeKey(keyStore: KeyStore, use: RotatableUse): Promise<MadeKey> {
  const signer = await keyStore.create(use);
  return { use, signer, sealed: await keyStore.sealedCopy(signer.kid) };
}

/** The keys and the newest trust bundle as of one look. */
export interface KeysBefore {
  readonly rows: KeyRows;
  readonly bundle: { readonly version: number; readonly jws: string };
}

export async function readKeyRows(db: Db): Promise<KeysBefore> {
  const rows = await db.selectFrom("signing_key").selectAll().orderBy("created_at").orderBy("kid").execute();
  const bundle = await db
    .selectFrom("trust_bundle")
    .select(["version", "jws"])
    .orderBy("version", "desc")
    .limit(1)
    .executeTakeFirstOrThrow();
  return { rows, bundle };
}

function isInBundle({ use, state }: SigningKeyTable): boolean {
  return (use === "token" || use === "config") && (state === "active" || state === "retiring");
}

/** Whether nobody has changed keys between two looks. */
export function isUnchanged(before: KeysBefore, current: KeysBefore): boolean {
  const states = ({ rows }: KeysBefore) => JSON.stringify(rows.map(({ kid, state }) => [kid, state]));
  return before.bundle.version === current.bundle.version && states(before) === states(current);
}

/**
 * Only the first root's private half is here; it has signed the bundle of now.
 *
 * @throws {Problem} root_key_missing
 */
export async function loadRoot(keyStore: KeyStore, kid: string): Promise<Signer> {
  try {
    return await keyStore.load(kid, "root");
  } catch (error) {
    if (!(error instanceof KeyStoreError)) throw error;
    throw new Problem("root_key_missing", undefined, { cause: error });
  }
}

async function enter(tx: Tx, { states }: KeyPlan, made: MadeKey | null, now: number): Promise<void> {
  for (const [kid, state] of states) {
    await tx.updateTable("signing_key").set({ state, state_changed_at: now }).where("kid", "=", kid).execute();
  }
  if (made === null) return;
  const { kid, publicJwk } = made.signer;
  await tx
    .insertInto("signing_key")
    .values({
      kid,
      use: made.use,
      state: "active",
      public_jwk: JSON.stringify(publicJwk),
      created_at: now,
      state_changed_at: now,
    })
    .execute();
  if (made.sealed === null) return;
  await tx.insertInto("key_copy").values({ kid, sealed: made.sealed, destroyed_at: null }).execute();
}
