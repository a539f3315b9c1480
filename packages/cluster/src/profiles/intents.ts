import { onPage } from "../db/keyset.ts";
import { toSearchText } from "../db/search-text.ts";
import { acrossTenants, withinReach } from "../db/tenant-guard.ts";
import type { Reach } from "../http/access.ts";
import type { PageRequest } from "../http/paging.ts";
import { Problem } from "../http/problems.ts";
import type { Db, Tx } from "../schema.ts";
import { profileLimits } from "./limits.ts";
import { defaultProfileOf, findProfile } from "./profiles.ts";
import { type IntentFilter, type IntentList, readyIntents } from "./resolve-profile.ts";
import type { IntentTable } from "./tables.ts";

/** An agent config intent: agents that its filter fits get its profile, unless an intent before it fits them. */
export interface Intent {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  /** Its place in the tenant's order, from 0. */
  readonly position: number;
  readonly profileId: string;
  readonly filter: IntentFilter;
  readonly createdAt: number;
  /** Unix ms; rises with every change of the intent, not with a change of the order. */
  readonly changedAt: number;
}

/** The tenant's intents in their order, and the revision of that list. */
export interface IntentOrder {
  readonly intents: readonly Intent[];
  /** Rises with every change of the list or of an intent in it; 0: nothing was ever in it. */
  readonly revision: number;
}

export async function intentsOf(db: Db, tenantId: string): Promise<IntentOrder> {
  const rows = await db
    .selectFrom("intent")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .orderBy("position")
    .orderBy("id")
    .execute();
  const list = await db
    .selectFrom("intent_list")
    .select("changed_at")
    .where("tenant_id", "=", tenantId)
    .executeTakeFirst();
  return { intents: rows.map(toIntent), revision: list?.changed_at ?? 0 };
}

/** The tenant's intents, ready to be held against agents. */
export async function intentListOf(db: Db, tenantId: string): Promise<IntentList> {
  const { intents } = await intentsOf(db, tenantId);
  return readyIntents(intents, (await defaultProfileOf(db, tenantId)).id);
}

export interface NewIntent {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly profileId: string;
  readonly filter: IntentFilter;
  /** Where it goes; undefined: at the end. */
  readonly position: number | undefined;
}

/** @throws {Problem} name_taken, validation_failed: no such profile in the tenant, or too many intents */
export async function createIntent(tx: Tx, intent: NewIntent, now: number): Promise<Intent> {
  const { tenantId, id, name } = intent;
  const { intents } = await intentsOf(tx, tenantId);
  if (intents.length >= profileLimits.maxIntents) {
    const detail = `A tenant has at most ${profileLimits.maxIntents} intents.`;
    throw new Problem("validation_failed", undefined, { errors: [{ pointer: "/name", code: "too_many", detail }] });
  }
  await requireProfileOf(tx, tenantId, intent.profileId);
  refuseTakenName(intents, name);
  const position = Math.min(intent.position ?? intents.length, intents.length);
  const row: IntentTable = {
    id,
    tenant_id: tenantId,
    name,
    position,
    profile_id: intent.profileId,
    filter: JSON.stringify(intent.filter),
    created_at: now,
    changed_at: now,
  };
  await tx.insertInto("intent").values(row).execute();
  const order = intents.map((one) => one.id);
  order.splice(position, 0, id);
  await storeOrder(tx, tenantId, [...intents, toIntent(row)], order);
  await touchList(tx, tenantId, now);
  return toIntent(row);
}

export interface IntentPatch {
  readonly name?: string;
  readonly profileId?: string;
  readonly filter?: IntentFilter;
}

/** @throws {Problem} not_found, name_taken, validation_failed, what `checkCurrent` throws */
export async function changeIntent(
  tx: Tx,
  tenantId: string,
  id: string,
  patch: IntentPatch,
  now: number,
  checkCurrent: (current: Intent) => void,
): Promise<{ readonly before: Intent; readonly after: Intent }> {
  const { intents } = await intentsOf(tx, tenantId);
  const before = intents.find((one) => one.id === id);
  if (before === undefined) throw new Problem("not_found");
  checkCurrent(before);
  const changed = { ...before, ...patch };
  if (JSON.stringify(changed) === JSON.stringify(before)) return { before, after: before };
  if (changed.profileId !== before.profileId) await requireProfileOf(tx, tenantId, changed.profileId);
  refuseTakenName(
    intents.filter((one) => one.id !== id),
    changed.name,
  );
  const after = { ...changed, changedAt: Math.max(now, before.changedAt + 1) };
  await tx
    .updateTable("intent")
    .set({
      name: after.name,
      profile_id: after.profileId,
      filter: JSON.stringify(after.filter),
      changed_at: after.changedAt,
    })
    .where("tenant_id", "=", tenantId)
    .where("id", "=", id)
    .execute();
  await touchList(tx, tenantId, now);
  return { before, after };
}

/** @throws {Problem} not_found, what `checkCurrent` throws */
export async function deleteIntent(
  tx: Tx,
  tenantId: string,
  id: string,
  now: number,
  checkCurrent: (current: Intent) => void,
): Promise<Intent> {
  const { intents } = await intentsOf(tx, tenantId);
  const intent = intents.find((one) => one.id === id);
  if (intent === undefined) throw new Problem("not_found");
  checkCurrent(intent);
  await tx.deleteFrom("intent").where("tenant_id", "=", tenantId).where("id", "=", id).execute();
  const rest = intents.filter((one) => one.id !== id);
  await storeOrder(
    tx,
    tenantId,
    rest,
    rest.map((one) => one.id),
  );
  await touchList(tx, tenantId, now);
  return intent;
}

/**
 * Puts the tenant's intents into another order, which names each of them once.
 *
 * @returns the ids as they stood before
 * @throws {Problem} precondition_failed: these are not the tenant's intents (any more); what `checkCurrent` throws
 */
export async function orderIntents(
  tx: Tx,
  tenantId: string,
  order: readonly string[],
  now: number,
  checkCurrent: (revision: number) => void,
): Promise<readonly string[]> {
  const { intents, revision } = await intentsOf(tx, tenantId);
  checkCurrent(revision);
  const known = intents.map(({ id }) => id);
  const isWhole = order.length === known.length && new Set(order).size === order.length;
  if (!isWhole || order.some((id) => !known.includes(id))) {
    throw new Problem("precondition_failed", "These are not the tenant's intents, each once. Read the list again.");
  }
  if (order.join() === known.join()) return known;
  await storeOrder(tx, tenantId, intents, order);
  await touchList(tx, tenantId, now);
  return known;
}

/** An intent whose tenant is still to be compared with the reach of who asks. */
export async function findIntentAnywhere(db: Db, id: string): Promise<Intent | undefined> {
  const row = await acrossTenants(
    db.selectFrom("intent").selectAll().where("id", "=", id),
    "found by its id; its tenant is compared with the reach of who asks",
  ).executeTakeFirst();
  return row && toIntent(row);
}

/** At most `limit + 1` intents within reach. */
export async function listIntents(
  db: Db,
  reach: Reach,
  { after, direction, limit }: PageRequest<"position">,
): Promise<Intent[]> {
  const query = withinReach(db.selectFrom("intent").selectAll(), "tenant_id", reach);
  const rows = await onPage(query, { key: "position", id: "id" }, { direction, after, limit }).execute();
  return rows.map(toIntent);
}

/** Whether an intent gives this profile. */
export async function isProfileOfIntent(db: Db, tenantId: string, profileId: string): Promise<boolean> {
  const row = await db
    .selectFrom("intent")
    .select("id")
    .where("tenant_id", "=", tenantId)
    .where("profile_id", "=", profileId)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

async function storeOrder(tx: Tx, tenantId: string, intents: readonly Intent[], order: readonly string[]) {
  for (const { id, position } of intents) {
    const place = order.indexOf(id);
    if (place === position) continue;
    await tx
      .updateTable("intent")
      .set({ position: place })
      .where("tenant_id", "=", tenantId)
      .where("id", "=", id)
      .execute();
  }
}

async function touchList(tx: Tx, tenantId: string, now: number): Promise<void> {
  const list = await tx
    .selectFrom("intent_list")
    .select("changed_at")
    .where("tenant_id", "=", tenantId)
    .executeTakeFirst();
  const changed_at = Math.max(now, (list?.changed_at ?? 0) + 1);
  await tx
    .insertInto("intent_list")
    .values({ tenant_id: tenantId, changed_at })
    .onConflict((conflict) => conflict.column("tenant_id").doUpdateSet({ changed_at }))
    .execute();
}

async function requireProfileOf(tx: Tx, tenantId: string, profileId: string): Promise<void> {
  if ((await findProfile(tx, tenantId, profileId)) !== undefined) return;
  const detail = "This tenant has no such profile.";
  throw new Problem("validation_failed", undefined, { errors: [{ pointer: "/profileId", code: "unknown", detail }] });
}

function refuseTakenName(intents: readonly Intent[], name: string): void {
  const taken = intents.some((one) => toSearchText(one.name) === toSearchText(name));
  if (taken) throw new Problem("name_taken", `This tenant already has an intent named "${name}".`);
}

function toIntent(row: IntentTable): Intent {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    name: row.name,
    position: row.position,
    profileId: row.profile_id,
    filter: JSON.parse(row.filter) as IntentFilter,
    createdAt: row.created_at,
    changedAt: row.changed_at,
  };
}
