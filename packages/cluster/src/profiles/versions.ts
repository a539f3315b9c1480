import type { Who } from "../http/access.ts";
import type { PageRequest } from "../http/paging.ts";
import type { Db, Tx } from "../schema.ts";
import type { Profile } from "./profiles.ts";
import { type ProfileSettings, readSettings, writeSettings } from "./settings.ts";
import type { ProfileVersionTable } from "./tables.ts";

/** One state that a profile was in, from its making on: 1, 2, 3 … */
export interface ProfileVersion {
  readonly version: number;
  readonly name: string;
  readonly settings: ProfileSettings;
  readonly madeAt: number;
  readonly madeBy: { readonly id: string | null; readonly name: string };
  /** The version whose settings were put back by this one. */
  readonly rollbackOf: number | null;
}

/** Keeps the state that a profile now has, in the transaction that gives it that state. */
export async function recordVersion(
  tx: Tx,
  { id, tenantId, name, settings, changedAt }: Profile,
  who: Who,
  rollbackOf: number | null = null,
): Promise<void> {
  const version = (await newestVersion(tx, tenantId, id)) + 1;
  const row: ProfileVersionTable = {
    profile_id: id,
    version,
    tenant_id: tenantId,
    name,
    settings: writeSettings(settings),
    made_at: changedAt,
    made_by_id: who.id,
    made_by_name: who.name,
    rollback_of: rollbackOf,
  };
  await tx.insertInto("profile_version").values(row).execute();
}

export async function findVersion(
  db: Db,
  tenantId: string,
  profileId: string,
  version: number,
): Promise<ProfileVersion | undefined> {
  const row = await db
    .selectFrom("profile_version")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .where("profile_id", "=", profileId)
    .where("version", "=", version)
    .executeTakeFirst();
  return row && toVersion(row);
}

/** At most `limit + 1` versions of a profile, each with the one before it; null: it is the first. */
export async function listVersions(
  db: Db,
  tenantId: string,
  profileId: string,
  { after, direction, limit }: PageRequest<"version">,
): Promise<{ readonly version: ProfileVersion; readonly before: ProfileVersion | null }[]> {
  const all = db
    .selectFrom("profile_version")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .where("profile_id", "=", profileId);
  let page = all;
  if (after !== null) page = page.where("version", direction === "asc" ? ">" : "<", Number(after.key));
  const rows = await page
    .orderBy("version", direction)
    .limit(limit + 1)
    .execute();
  if (rows.length === 0) return [];
  const numbers = rows.map(({ version }) => version);
  const lowest = Math.min(...numbers) - 1;
  const first = await all.where("version", "=", lowest).executeTakeFirst();
  const known = new Map([...rows, ...(first ? [first] : [])].map((row) => [row.version, toVersion(row)]));
  return rows.map((row) => ({ version: toVersion(row), before: known.get(row.version - 1) ?? null }));
}

/** Forgets the versions of a profile that is deleted. */
export async function deleteVersions(tx: Tx, tenantId: string, profileId: string): Promise<void> {
  await tx
    .deleteFrom("profile_version")
    .where("tenant_id", "=", tenantId)
    .where("profile_id", "=", profileId)
    .execute();
}

async function newestVersion(db: Db, tenantId: string, profileId: string): Promise<number> {
  const { newest } = await db
    .selectFrom("profile_version")
    .select((row) => row.fn.max("version").as("newest"))
    .where("tenant_id", "=", tenantId)
    .where("profile_id", "=", profileId)
    .executeTakeFirstOrThrow();
  return Number(newest ?? 0);
}

function toVersion(row: ProfileVersionTable): ProfileVersion {
  return {
    version: row.version,
    name: row.name,
    settings: readSettings(row.settings),
    madeAt: row.made_at,
    madeBy: { id: row.made_by_id, name: row.made_by_name },
    rollbackOf: row.rollback_of,
  };
}
