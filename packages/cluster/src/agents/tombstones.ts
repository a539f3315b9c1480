import { onPage } from "../db/keyset.ts";
import { containsText } from "../db/search-text.ts";
import { acrossTenants, withinReach } from "../db/tenant-guard.ts";
import type { Reach } from "../http/access.ts";
import type { PageRequest } from "../http/paging.ts";
import type { Db } from "../schema.ts";
import type { TombstoneTable } from "./tables.ts";

/** A tombstone with the name of its tenant. */
export type KnownTombstone = TombstoneTable & { readonly tenant_name: string };

/** A tombstone whose tenant is still to be compared with the reach of who asks, or whose signature is still to be verified. */
export async function findTombstoneAnywhere(db: Db, agentId: string): Promise<KnownTombstone | undefined> {
  const query = selectTombstones(db).where("tombstone.id", "=", agentId);
  return acrossTenants(
    query,
    "found by its id; its tenant is compared with the reach of who asks, or its signature verified",
  ).executeTakeFirst();
}

/** Whether this is the identity key of an agent that was deleted: it does not come back. */
export async function isKeyOfTombstone(db: Db, thumbprint: string): Promise<boolean> {
  const query = db.selectFrom("tombstone").select("id").where("identity_thumbprint", "=", thumbprint);
  const found = await acrossTenants(query, "an identity key is one agent's, whatever its tenant").executeTakeFirst();
  return found !== undefined;
}

export interface TombstoneFilter {
  readonly q?: string;
}

const sortColumns = { deletedAt: "tombstone.deleted_at", hostName: "tombstone.host_name_search" } as const;
export const tombstoneSortFields = ["deletedAt", "hostName"] as const;
export type TombstoneSortField = (typeof tombstoneSortFields)[number];

/** At most `limit + 1` tombstones within reach. */
export async function listTombstones(
  db: Db,
  reach: Reach,
  { q }: TombstoneFilter,
  { field, direction, after, limit }: PageRequest<TombstoneSortField>,
): Promise<KnownTombstone[]> {
  let query = withinReach(selectTombstones(db), "tombstone.tenant_id", reach);
  if (q !== undefined) query = query.where(containsText("tombstone.host_name_search", q));
  return onPage(query, { key: sortColumns[field], id: "tombstone.id" }, { direction, after, limit }).execute();
}

export function positionOfTombstone(
  row: KnownTombstone,
  field: TombstoneSortField,
): { key: string | number; id: string } {
  return { key: field === "deletedAt" ? row.deleted_at : row.host_name_search, id: row.id };
}

function selectTombstones(db: Db) {
  return db
    .selectFrom("tombstone")
    .innerJoin("tenant", "tenant.id", "tombstone.tenant_id")
    .selectAll("tombstone")
    .select("tenant.name as tenant_name");
}
