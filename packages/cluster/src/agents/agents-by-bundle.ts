import { acrossTenants } from "../db/tenant-guard.ts";
import type { AgentsByBundle } from "../keys/reach.ts";
import type { Db } from "../schema.ts";

const why = "the cluster's keys concern the agents of every tenant; for who may see the keys";

/**
 * Which trust bundles the agents of all tenants have acknowledged, and those that were deleted: a token may still have to
 * reach them. For who may see the keys of the cluster.
 */
export const agentsByBundle: AgentsByBundle = {
  async count(db, windowsOnly) {
    let query = db
      .selectFrom("agent")
      .select((row) => ["bundle_ver as version", row.fn.countAll<number>().as("count")]);
    if (windowsOnly) query = query.where("platform", "=", "windows");
    const agents = await acrossTenants(query.groupBy("bundle_ver"), why).execute();
    const deleted = windowsOnly ? await countDeleted(db) : [];
    const byVersion = Map.groupBy([...agents, ...deleted], ({ version }) => version);
    return [...byVersion].map(([version, some]) => ({
      version,
      count: some.reduce((sum, { count }) => sum + Number(count), 0),
    }));
  },
  async list(db, windowsOnly, versions, limit) {
    let query = db
      .selectFrom("agent")
      .innerJoin("tenant", "tenant.id", "agent.tenant_id")
      .select(["agent.id", "host_name", "host_name_search", "tenant_id", "tenant.name as tenant_name"])
      .where("bundle_ver", "in", [...versions]);
    if (windowsOnly) query = query.where("platform", "=", "windows");
    const sorted = query.orderBy("host_name_search").orderBy("agent.id").limit(limit);
    const agents = await acrossTenants(sorted, why).execute();
    const deleted = windowsOnly ? await listDeleted(db, versions, limit) : [];
    return [...agents, ...deleted]
      .sort((a, b) => (a.host_name_search < b.host_name_search ? -1 : 1))
      .slice(0, limit)
      .map((row) => ({
        id: row.id,
        hostName: row.host_name,
        tenant: { id: row.tenant_id, name: row.tenant_name },
      }));
  },
};

/** Deleted agents that may run on with their protection on; of the others no token has to reach any. */
function countDeleted(db: Db) {
  const query = db
    .selectFrom("tombstone")
    .select((row) => ["bundle_ver as version", row.fn.countAll<number>().as("count")])
    .where("platform", "=", "windows")
    .where("decommissioned", "=", 0)
    .groupBy("bundle_ver");
  return acrossTenants(query, why).execute();
}

function listDeleted(db: Db, versions: readonly number[], limit: number) {
  const query = db
    .selectFrom("tombstone")
    .innerJoin("tenant", "tenant.id", "tombstone.tenant_id")
    .select(["tombstone.id", "host_name", "host_name_search", "tenant_id", "tenant.name as tenant_name"])
    .where("platform", "=", "windows")
    .where("decommissioned", "=", 0)
    .where("bundle_ver", "in", [...versions])
    .orderBy("host_name_search")
    .orderBy("tombstone.id")
    .limit(limit);
  return acrossTenants(query, why).execute();
}
