import { timingSafeEqual } from "node:crypto";
import { sha256Base64url } from "@postern/protocol";
import { encodeBase64url } from "@postern/token";
import type { RandomBytes } from "../db/ids.ts";
import { onPage } from "../db/keyset.ts";
import { acrossTenants, withinReach } from "../db/tenant-guard.ts";
import type { Reach } from "../http/access.ts";
import type { PageRequest } from "../http/paging.ts";
import type { Db, Tx } from "../schema.ts";
import type { ActivationKeyTable } from "./tables.ts";

export const activationKeyStates = ["usable", "used_up", "expired", "revoked"] as const;
export type ActivationKeyState = (typeof activationKeyStates)[number];

/** What can be said of a key without knowing its secret. Several may hold; the one that nobody can undo comes first. */
export function stateOf(key: ActivationKeyTable, now: number): ActivationKeyState {
  if (key.revoked_at !== null) return "revoked";
  if (now >= key.expires_at) return "expired";
  return key.uses >= key.max_uses ? "used_up" : "usable";
}

/** A new secret: 256 random bits, base64url. */
export function newSecret(randomBytes: RandomBytes): string {
  return encodeBase64url(randomBytes(32));
}

export function hashSecret(secret: string): string {
  return sha256Base64url(secret);
}

/** Compared without telling by the time taken how much of the secret was right. */
export function isSecretOf(key: ActivationKeyTable, secret: string): boolean {
  return timingSafeEqual(Buffer.from(hashSecret(secret)), Buffer.from(key.secret_hash));
}

/**
 * Spends one use; false when none is left. One conditional update: of two agents at once on the last use, one wins.
 */
export async function spendUse(tx: Tx, key: ActivationKeyTable, now: number): Promise<boolean> {
  const spent = await tx
    .updateTable("activation_key")
    .set((row) => ({ uses: row("uses", "+", 1) }))
    .where("tenant_id", "=", key.tenant_id)
    .where("id", "=", key.id)
    .whereRef("uses", "<", "max_uses")
    .where("revoked_at", "is", null)
    .where("expires_at", ">", now)
    .returning("id")
    .executeTakeFirst();
  return spent !== undefined;
}

/** Ends a key; false when it was revoked before. */
export async function revokeKey(tx: Tx, tenantId: string, id: string, now: number): Promise<boolean> {
  const revoked = await tx
    .updateTable("activation_key")
    .set({ revoked_at: now })
    .where("tenant_id", "=", tenantId)
    .where("id", "=", id)
    .where("revoked_at", "is", null)
    .returning("id")
    .executeTakeFirst();
  return revoked !== undefined;
}

/** A key whose tenant is still to be compared with the reach of who asks, or whose secret is still to be proved. */
export async function findKeyAnywhere(db: Db, id: string): Promise<ActivationKeyTable | undefined> {
  return acrossTenants(
    db.selectFrom("activation_key").selectAll().where("id", "=", id),
    "found by its id; its tenant is compared with the reach of who asks, or its secret proved",
  ).executeTakeFirst();
}

/** At most `limit + 1` keys within reach. */
export async function listKeys(
  db: Db,
  reach: Reach,
  { after, direction, limit }: PageRequest<"createdAt">,
): Promise<ActivationKeyTable[]> {
  const query = withinReach(db.selectFrom("activation_key").selectAll(), "tenant_id", reach);
  return onPage(query, { key: "created_at", id: "id" }, { direction, after, limit }).execute();
}
