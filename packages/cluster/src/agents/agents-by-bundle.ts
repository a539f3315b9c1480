import { acrossTenants } from "../db/tenant-guard.ts";
import type { AgentsByBundle } from "../keys/reach.ts";

const why = "the cluster's keys concern the agents of every tenant; for who may see the keys";

/** Which trust bundles the agents of all tenants have acknowledged. For who may see the keys of the cluster. */
export const agentsByBundle: AgentsByBundle = {
  async count(db, windowsOnly) {
    let query = db
      .selectFrom("agent")
      .select((row) => ["bundle_ver as version", row.fn.countAll<number>().as("count")]);
    if (windowsOnly) query = query.where("platform", "=", "windows");
    const rows = await acrossTenants(query.groupBy("bundle_ver"), why).execute();
    return rows.map(({ version, count }) => ({ version, count: Number(count) }));
  },
  async list(db, windowsOnly, versions, limit) {
    let query = db
      .selectFrom("agent")
      .innerJoin("tenant", "tenant.id", "agent.tenant_id")
      .select(["agent.id", "host_name", "tenant_id", "tenant.name as tenant_name"])
      .where("bundle_ver", "in", [...versions]);
    if (windowsOnly) query = query.where("platform", "=", "windows");
    const sorted = query.orderBy("host_name_search").orderBy("agent.id").limit(limit);
    const rows = await acrossTenants(sorted, why).execute();
    return rows.map((row) => ({
      id: row.id,
      hostName: row.host_name,
      tenant: { id: row.tenant_id, name: row.tenant_name },
    }));
  },
};
