import { dbLimits } from "../db/limits.ts";
import { acrossTenants } from "../db/tenant-guard.ts";
import type { Db, Tx } from "../schema.ts";
import { readSettings } from "./settings.ts";

/** A profile, as far as it decides what agents are told beside its settings. */
export interface TellingProfile {
  readonly id: string;
  readonly name: string;
  readonly tenantName: string;
  /** Null: its agents stay of the version that each has. */
  readonly desiredVersion: string | null;
}

/** Every profile of the cluster. Settings are text to the database, so whoever looks for some of them looks here. */
export async function tellingProfiles(db: Db): Promise<TellingProfile[]> {
  const all = db
    .selectFrom("profile")
    .innerJoin("tenant", "tenant.id", "profile.tenant_id")
    .select(["profile.id", "profile.name", "settings", "tenant.name as tenant_name"])
    .orderBy("tenant.name_search")
    .orderBy("profile.name_search");
  const rows = await acrossTenants(
    all,
    "packages and addresses are the cluster's: what is told of them, all profiles tell",
  ).execute();
  return rows.map(({ id, name, settings, tenant_name }) => ({
    id,
    name,
    tenantName: tenant_name,
    desiredVersion: readSettings(settings).desiredVersion,
  }));
}

/**
 * Lets the revisions of the agents of some profiles rise, since they are to be told something that is not a setting: one
 * row for each profile, none for an agent. Nobody has edited the profiles, so their ETags and versions stay.
 *
 * @param newest the newest of what else revisions are made of, so that they rise also when the clock went back
 */
export async function tellAgain(tx: Tx, ids: readonly string[], newest: number, now: number): Promise<void> {
  const told = "packages and addresses are the cluster's: what is told of them, all profiles tell";
  const { last } = await acrossTenants(
    tx.selectFrom("profile").select((row) => row.fn.max("changed_at").as("last")),
    told,
  ).executeTakeFirstOrThrow();
  const changed_at = Math.max(now, Number(last ?? 0) + 1, newest + 1);
  for (let start = 0; start < ids.length; start += dbLimits.maxRowsPerStatement) {
    const some = ids.slice(start, start + dbLimits.maxRowsPerStatement);
    await acrossTenants(tx.updateTable("profile").set({ changed_at }).where("id", "in", some), told).execute();
  }
}
