import { onPage } from "../db/keyset.ts";
import { toSearchText } from "../db/search-text.ts";
import { acrossTenants, withinReach } from "../db/tenant-guard.ts";
import type { Reach, Who } from "../http/access.ts";
import { systemOrigin } from "../http/origin.ts";
import type { PageRequest } from "../http/paging.ts";
import { Problem } from "../http/problems.ts";
import type { Db, Tx } from "../schema.ts";
import {
  applyPatch,
  defaultSettings,
  type ProfileSettings,
  readSettings,
  requireSensible,
  type SettingsPatch,
  writeSettings,
} from "./settings.ts";
import type { ProfileTable } from "./tables.ts";
import { deleteVersions, recordVersion } from "./versions.ts";

/** The name of the profile that every tenant has. */
export const defaultProfileName = "Default";

export interface Profile {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly isDefault: boolean;
  readonly settings: ProfileSettings;
  readonly createdAt: number;
  /** Unix ms; rises with every change of the profile. */
  readonly changedAt: number;
  /** Unix ms since which its agents are to be told what they are told now; not before `changedAt`. */
  readonly toldAt: number;
}

/** What stands after profiles and uses them, as far as they have to know. */
export interface ProfileUse {
  /** Whether an intent gives it, or an agent has it. */
  isInUse(tx: Tx, tenantId: string, profileId: string): Promise<boolean>;
  /** Unix ms of the newest assignment of an agent to it; 0: none. */
  newestAssignment(tx: Tx, tenantId: string, profileId: string): Promise<number>;
  /** Windows agents that have it: those that it can protect. */
  countWindowsAgents(db: Db, tenantId: string, profileId: string): Promise<number>;
  /** Called in the transaction of every change of a profile's settings. */
  changed(tx: Tx, tenantId: string, profileId: string): Promise<void>;
}

/** A change of a profile, and who makes it. */
export interface ProfileChange {
  readonly patch: SettingsPatch & { readonly name?: string };
  readonly who: Who;
  /** The version whose settings the patch puts back. */
  readonly rollbackOf?: number | null;
}

export interface NewProfile {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly settings: SettingsPatch;
}

/** Gives a new tenant its profile `Default`, in the transaction that makes the tenant. */
export async function createDefaultProfile(tx: Tx, tenantId: string, id: string, now: number): Promise<void> {
  await insert(tx, { id, tenantId, name: defaultProfileName, settings: {} }, true, systemOrigin.who, now);
}

/** @throws {Problem} name_taken, validation_failed: settings that do not go together */
export async function createProfile(tx: Tx, profile: NewProfile, who: Who, now: number): Promise<Profile> {
  await refuseTakenName(tx, profile.tenantId, profile.name);
  return insert(tx, profile, false, who, now);
}

/**
 * Changes a profile; `changedAt` rises even when the clock went back. A patch that changes nothing leaves it as it is.
 *
 * @param checkCurrent refuses the change when the profile is not the one that the sender saw
 * @throws {Problem} not_found, name_taken, default_profile_fixed, validation_failed, what `checkCurrent` throws
 */
export async function changeProfile(
  tx: Tx,
  tenantId: string,
  id: string,
  { patch, who, rollbackOf = null }: ProfileChange,
  now: number,
  checkCurrent: (current: Profile) => void,
  use: ProfileUse,
): Promise<{ readonly before: Profile; readonly after: Profile }> {
  const before = await requireProfile(tx, tenantId, id);
  checkCurrent(before);
  const name = patch.name ?? before.name;
  if (before.isDefault && name !== before.name) {
    throw new Problem("default_profile_fixed", "The profile Default cannot be renamed.");
  }
  const settings = applyPatch(before.settings, patch);
  requireSensible(settings);
  const stored = writeSettings(settings);
  if (name === before.name && stored === writeSettings(before.settings)) return { before, after: before };
  if (toSearchText(name) !== toSearchText(before.name)) await refuseTakenName(tx, tenantId, name);

  // Past the assignments, too: an agent's revision is the newer of the two, and has to rise by this.
  const newest = await use.newestAssignment(tx, tenantId, id);
  const changedAt = Math.max(now, before.toldAt + 1, newest + 1);
  await tx
    .updateTable("profile")
    .set({ name, name_search: toSearchText(name), settings: stored, changed_at: changedAt, edited_at: changedAt })
    .where("tenant_id", "=", tenantId)
    .where("id", "=", id)
    .execute();
  const after = { ...before, name, settings, changedAt, toldAt: changedAt };
  await recordVersion(tx, after, who, rollbackOf);
  return { before, after };
}

/** @throws {Problem} not_found, default_profile_fixed, profile_in_use, what `checkCurrent` throws */
export async function deleteProfile(
  tx: Tx,
  tenantId: string,
  id: string,
  checkCurrent: (current: Profile) => void,
  use: ProfileUse,
): Promise<Profile> {
  const profile = await requireProfile(tx, tenantId, id);
  checkCurrent(profile);
  if (profile.isDefault) throw new Problem("default_profile_fixed", "The profile Default cannot be deleted.");
  if (await use.isInUse(tx, tenantId, id)) throw new Problem("profile_in_use");
  await deleteVersions(tx, tenantId, id);
  await tx.deleteFrom("profile").where("tenant_id", "=", tenantId).where("id", "=", id).execute();
  return profile;
}

export async function findProfile(db: Db, tenantId: string, id: string): Promise<Profile | undefined> {
  const row = await db
    .selectFrom("profile")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .where("id", "=", id)
    .executeTakeFirst();
  return row && toProfile(row);
}

/** A profile whose tenant is still to be compared with the reach of who asks. */
export async function findProfileAnywhere(db: Db, id: string): Promise<Profile | undefined> {
  const row = await acrossTenants(
    db.selectFrom("profile").selectAll().where("id", "=", id),
    "found by its id; its tenant is compared with the reach of who asks",
  ).executeTakeFirst();
  return row && toProfile(row);
}

/** The profile of every agent that no rule gives another. */
export async function defaultProfileOf(db: Db, tenantId: string): Promise<Profile> {
  const row = await db
    .selectFrom("profile")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .where("is_default", "=", 1)
    .executeTakeFirstOrThrow();
  return toProfile(row);
}

/** At most `limit + 1` profiles within reach. */
export async function listProfiles(
  db: Db,
  reach: Reach,
  { after, direction, limit }: PageRequest<"name">,
): Promise<ProfileTable[]> {
  const query = withinReach(db.selectFrom("profile").selectAll(), "tenant_id", reach);
  return onPage(query, { key: "name_search", id: "id" }, { direction, after, limit }).execute();
}

export function toProfile(row: ProfileTable): Profile {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    name: row.name,
    isDefault: row.is_default === 1,
    settings: readSettings(row.settings),
    createdAt: row.created_at,
    changedAt: row.edited_at,
    toldAt: row.changed_at,
  };
}

async function requireProfile(tx: Tx, tenantId: string, id: string): Promise<Profile> {
  const profile = await findProfile(tx, tenantId, id);
  if (profile === undefined) throw new Problem("not_found");
  return profile;
}

async function refuseTakenName(tx: Tx, tenantId: string, name: string): Promise<void> {
  const taken = await tx
    .selectFrom("profile")
    .select("id")
    .where("tenant_id", "=", tenantId)
    .where("name_search", "=", toSearchText(name))
    .executeTakeFirst();
  if (taken !== undefined) throw new Problem("name_taken", `This tenant already has a profile named "${name}".`);
}

async function insert(tx: Tx, profile: NewProfile, isDefault: boolean, who: Who, now: number): Promise<Profile> {
  const settings = applyPatch(defaultSettings, profile.settings);
  requireSensible(settings);
  const row: ProfileTable = {
    id: profile.id,
    tenant_id: profile.tenantId,
    name: profile.name,
    name_search: toSearchText(profile.name),
    is_default: isDefault ? 1 : 0,
    settings: writeSettings(settings),
    created_at: now,
    changed_at: now,
    edited_at: now,
  };
  await tx.insertInto("profile").values(row).execute();
  await recordVersion(tx, toProfile(row), who);
  return toProfile(row);
}
