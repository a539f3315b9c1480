import { findTombstoneAnywhere } from "../agents/tombstones.ts";
import { acrossTenants } from "../db/tenant-guard.ts";
import { readSettings } from "../profiles/settings.ts";
import type { Db } from "../schema.ts";
import type { AgentGroup } from "./coverage.ts";

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
export async function findAgentGroups(db: Db, scope: CoverageScope): Promise<AgentGroup[]> {
  const all = db
    .selectFrom("agent")
    .innerJoin("profile", (join) =>
      join.onRef("profile.id", "=", "agent.profile_id").onRef("profile.tenant_id", "=", "agent.tenant_id"),
    )
    .select((row) => ["profile.settings", "agent.bundle_ver", row.fn.countAll<number>().as("count")])
    .where("agent.platform", "=", "windows");
  let query =
    scope.tenantId === null
      ? acrossTenants(all, "a token for the whole cluster reaches the agents of every tenant")
      : all.where("agent.tenant_id", "=", scope.tenantId);
  if (scope.agentId !== null) query = query.where("agent.id", "=", scope.agentId);
  const groups = await query.groupBy(["profile.id", "profile.settings", "agent.bundle_ver"]).execute();
  const known = groups.map(({ settings, bundle_ver, count }) => ({
    count: Number(count),
    bundleVersion: bundle_ver,
    requireChallenge: readSettings(settings).serviceProtection.requireChallenge,
  }));
  return scope.agentId === null ? known : [...known, ...(await findDeleted(db, scope.agentId))];
}

async function findDeleted(db: Db, agentId: string): Promise<AgentGroup[]> {
  const tombstone = await findTombstoneAnywhere(db, agentId);
  if (tombstone?.platform !== "windows") return [];
  const { bundle_ver: bundleVersion, require_challenge } = tombstone;
  return [{ count: 1, bundleVersion, requireChallenge: require_challenge === 1, deleted: true }];
}
