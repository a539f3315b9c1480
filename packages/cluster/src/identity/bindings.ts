import { gatherReads } from "../db/gathered-reads.ts";
import { keepQuery } from "../db/kept-query.ts";
import { acrossTenants } from "../db/tenant-guard.ts";
import type { Db } from "../schema.ts";
import type { RoleBinding } from "./roles.ts";
import type { RoleBindingTable } from "./tables.ts";

/** The role bindings of some users, by user id. */
export async function bindingsOf(db: Db, userIds: readonly string[]): Promise<Map<string, RoleBindingTable[]>> {
  if (userIds.length === 0) return new Map();
  return Map.groupBy(await selectBindings(db, { userIds }), (row) => row.user_id);
}

const selectBindings = keepQuery((db: Db, { userIds }: { readonly userIds: readonly string[] }) => {
  const ofUsers = db
    .selectFrom("role_binding")
    .selectAll()
    .where("user_id", "in", userIds)
    .orderBy("created_at")
    .orderBy("id");
  return acrossTenants(ofUsers, "what users may do in every tenant; others are shown the roles within their reach");
});

/** What one user may do, for a request of his: asked for together with those of others. */
export const findBindings = gatherReads(bindingsOf);

export function toBinding({ role, tenant_id }: RoleBindingTable): RoleBinding {
  return { role, tenantId: tenant_id };
}

/** The tenant in whose audit log a change of a user stands: the only one that he belongs to, else the cluster's. */
export function auditTenantOf(bindings: readonly RoleBinding[]): string | null {
  const tenants = new Set(bindings.map((binding) => binding.tenantId));
  const [only] = tenants;
  return tenants.size === 1 && only !== undefined ? only : null;
}
