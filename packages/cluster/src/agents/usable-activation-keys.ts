import { acrossTenants } from "../db/tenant-guard.ts";
import type { Db } from "../schema.ts";

/** How many activation keys of all tenants would still enrol an agent. For who may change the cluster's keys. */
export async function countUsableActivationKeys(db: Db, now: number): Promise<number> {
  const query = db
    .selectFrom("activation_key")
    .select((row) => row.fn.countAll<number>().as("count"))
    .where("revoked_at", "is", null)
    .where("expires_at", ">", now)
    .whereRef("uses", "<", "max_uses");
  const row = await acrossTenants(query, "a change of the roots concerns every tenant").executeTakeFirstOrThrow();
  return Number(row.count);
}
