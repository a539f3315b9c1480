import {
  followRootChanges,
  MessageRefused,
  maxRootChanges,
  parsePublicJwk,
  sealRootChange,
  sealTrustBundle,
  thumbprintOf,
} from "@postern/protocol";
import { issuerOf, type PublicJwk, toUnixSeconds } from "@postern/token";
import { Problem } from "../http/problems.ts";
import type { Db, Tx } from "../schema.ts";
import { readOwnBundle } from "./bundle-keys.ts";
import { isUnchanged, type KeyOrder, type KeyServices, loadRoot, readKeyRows } from "./change-keys.ts";

/** What a root change has to say: who signs it elsewhere needs all of this. */
export interface PreparedRoot {
  readonly clusterId: string;
  /** The `ver` of the change. */
  readonly rootsVersion: number;
  readonly kid: string;
  readonly publicJwk: PublicJwk;
}

/**
 * Makes the root that is to sign trust bundles, and keeps it in this node's key store. It counts for nothing until a root
 * of now has signed for it.
 *
 * @throws {Problem} root_changes_exhausted
 */
export async function prepareRoot(services: KeyServices, order: KeyOrder): Promise<PreparedRoot> {
  const { store, audit, keyStore, keys } = services;
  const rootsVersion = await nextRootsVersion(store.reads);
  const { kid, publicJwk } = await keyStore.create("root");
  await store.durable(async (tx) =>
    audit.record(tx, {
      tenantId: null,
      action: "key.prepare-root",
      outcome: "done",
      origin: order.origin,
      target: { kind: "key", id: kid },
      why: order.reason,
      details: { rootsVersion },
    }),
  );
  return { clusterId: keys.clusterId, rootsVersion, kid, publicJwk };
}

export interface RootChangeRequest {
  /** The root that was prepared here. */
  readonly firstRoot: string;
  /** The public half of the second root, which is kept elsewhere; null: it stays the one that it is. */
  readonly secondRoot: PublicJwk | null;
  /** The root change, signed elsewhere; null: the first root of now signs it here. */
  readonly change: string | null;
  /** Somebody else may have the first root of now. */
  readonly compromised: boolean;
}

export interface RootsChanged {
  readonly rootsVersion: number;
  readonly trustBundleVersion: number;
  readonly roots: readonly string[];
}

/**
 * Changes the roots: from now on the prepared root signs trust bundles. Agents follow because a root that they pin has
 * signed the change; it is held here against what each of them will do.
 *
 * @throws {Problem} root_change_refused, root_changes_exhausted, root_key_missing, precondition_failed: somebody else
 *   has changed keys meanwhile
 */
export async function changeRoots(
  services: KeyServices,
  order: KeyOrder,
  request: RootChangeRequest,
): Promise<RootsChanged> {
  const { store, keyStore, keys, clock, audit, feed } = services;
  const iss = issuerOf(keys.clusterId);
  const before = await readKeyRows(store.reads);
  const last = readOwnBundle(before.bundle.jws);
  const rootsVersion = await nextRootsVersion(store.reads);
  const first = await loadRoot(keyStore, request.firstRoot);
  const [firstOfNow = "", secondOfNow = ""] = keys.rootThumbprints;
  const second = request.secondRoot === null ? secondOfNow : thumbprintOf(requireJwk(request.secondRoot));
  const roots = [first.kid, second];
  if (keys.rootThumbprints.includes(first.kid) || second === firstOfNow || second === first.kid) {
    throw new Problem("root_change_refused", "The first root must be a new one, and must not be the second, too.");
  }
  const now = clock.now();
  const iat = toUnixSeconds(now);
  const change =
    request.change ??
    (await sealRootChange({ iss, ver: rootsVersion, iat, roots }, await loadRoot(keyStore, firstOfNow)));
  const signedBy = requireFollowed(change, last, iss, roots);
  const rootChanges = [...(last.rootChanges ?? []), change];
  const version = last.ver + 1;
  const jws = await sealTrustBundle({ ...last, ver: version, iat, roots, rootChanges }, first);
  const done = await store.durable(async (tx) => {
    if (!isUnchanged(before, await readKeyRows(tx))) return false;
    await endRoots(tx, roots, request.compromised ? firstOfNow : null, now);
    await enterRoot(tx, first.kid, first.publicJwk, now);
    if (request.secondRoot !== null) await enterRoot(tx, second, requireJwk(request.secondRoot), now);
    await tx.insertInto("trust_bundle").values({ version, jws, created_at: now }).execute();
    audit.record(tx, {
      tenantId: null,
      action: "key.change-roots",
      outcome: "done",
      origin: order.origin,
      target: { kind: "key", id: first.kid },
      why: order.reason,
      details: {
        rootsVersion,
        roots,
        endedRoots: keys.rootThumbprints.filter((kid) => !roots.includes(kid)),
        signedBy,
        compromised: request.compromised,
        trustBundleVersion: version,
      },
    });
    feed.publish(tx, { kind: "keys" });
    return true;
  });
  if (!done) throw new Problem("precondition_failed", "Somebody else has changed keys at the same time.");
  await keys.reload();
  return { rootsVersion, trustBundleVersion: version, roots };
}

/** How often the roots were changed. */
export async function readRootsVersion(db: Db): Promise<number> {
  const { bundle } = await readKeyRows(db);
  return readOwnBundle(bundle.jws).rootChanges?.length ?? 0;
}

async function nextRootsVersion(db: Db): Promise<number> {
  const next = (await readRootsVersion(db)) + 1;
  if (next > maxRootChanges) throw new Problem("root_changes_exhausted");
  return next;
}

/** An agent that has followed all changes before must follow this one, to exactly these roots. @returns who signed it */
function requireFollowed(
  change: string,
  { roots: pinned, rootChanges = [] }: { roots: readonly string[]; rootChanges?: readonly string[] | undefined },
  iss: string,
  roots: readonly string[],
): string {
  try {
    const pins = { version: rootChanges.length, thumbprints: new Set(pinned) };
    const { thumbprints, version } = followRootChanges([change], pins, iss);
    if (version !== pins.version && [...thumbprints].join() === roots.join()) {
      return (JSON.parse(Buffer.from(change.split(".")[0] ?? "", "base64url").toString()) as { kid: string }).kid;
    }
  } catch (error) {
    if (!(error instanceof MessageRefused)) throw error;
    throw new Problem("root_change_refused", `An agent would refuse it with ${error.reason}.`, { cause: error });
  }
  throw new Problem("root_change_refused", "It leads to other roots than the request names.");
}

async function endRoots(tx: Tx, staying: readonly string[], compromised: string | null, now: number): Promise<void> {
  const ending = tx
    .updateTable("signing_key")
    .where("use", "=", "root")
    .where("state", "=", "active")
    .where("kid", "not in", staying);
  if (compromised !== null) {
    await ending.where("kid", "=", compromised).set({ state: "compromised", state_changed_at: now }).execute();
  }
  await ending.set({ state: "retired", state_changed_at: now }).execute();
}

async function enterRoot(tx: Tx, kid: string, publicJwk: PublicJwk, now: number): Promise<void> {
  await tx
    .insertInto("signing_key")
    .values({
      kid,
      use: "root",
      state: "active",
      public_jwk: JSON.stringify(publicJwk),
      created_at: now,
      state_changed_at: now,
    })
    .onConflict((conflict) => conflict.doNothing()) // the second root may be sent although it stays
    .execute();
}

function requireJwk(value: unknown): PublicJwk {
  const jwk = parsePublicJwk(value);
  if (jwk === undefined) throw new Problem("root_change_refused", "The second root is no Ed25519 public key.");
  return jwk;
}
