import type { Db } from "../schema.ts";
import type { RoleBinding } from "./roles.ts";

/** What anybody would try first as a user's password: the user's name, and the names of his tenants. */
export async function expectedWords(db: Db, userName: string, bindings: readonly RoleBinding[]): Promise<string[]> {
  const ids = bindings.flatMap(({ tenantId }) => tenantId ?? []);
  if (ids.length === 0) return [userName];
  const tenants = await db.selectFrom("tenant").select("name").where("id", "in", ids).execute();
  return [userName, ...tenants.map(({ name }) => name)];
}
