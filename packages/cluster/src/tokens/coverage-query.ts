import { acrossTenants } from "../db/tenant-guard.ts";
import { readSettings } from "../profiles/settings.ts";
import type { Db } from "../schema.ts";
import type { AgentGroup } from "./coverage.ts";
import { findTargetAgent } from "./target-agent.ts";

/** Which agents are meant. */
export interface CoverageScope {
  /** Null: of every tenant. */
  readonly tenantId: string | null;
  /** Null: every agent of the scope. */
  readonly agentId: string | null;
}

/**
 * The Windows agents of a scope, grouped by what decides whether a token reaches them; of a scope that is one agent, also
 * when that was deleted.
 */
export async function findAgentGroups(db: Db, { tenantId, agentId }: CoverageScope): Promise<readonly AgentGroup[]> {
  if (agentId !== null) {
    const agent = await findTargetAgent(db, agentId);
    return agent?.platform === "windows" && agent.tenantId === tenantId ? [agent.group] : [];
  }
  const all = db
    .selectFrom("agent")
    .innerJoin("profile", (join) =>
      join.onRef("profile.id", "=", "agent.profile_id").onRef("profile.tenant_id", "=", "agent.tenant_id"),
    )
    .select((row) => ["profile.settings", "agent.bundle_ver", row.fn.countAll<number>().as("count")])
    .where("agent.platform", "=", "windows");
  const query =
    tenantId === null
      ? acrossTenants(all, "a token for the whole cluster reaches the agents of every tenant")
      : all.where("agent.tenant_id", "=", tenantId);
  const groups = await query.groupBy(["profile.id", "profile.settings", "agent.bundle_ver"]).execute();
  return groups.map(({ settings, bundle_ver, count }) => ({
    count: Number(count),
    bundleVersion: bundle_ver,
    requireChallenge: readSettings(settings).serviceProtection.requireChallenge,
  }));
}
