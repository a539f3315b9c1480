import type { Platform } from "@postern/protocol";
import { findTombstoneAnywhere } from "../agents/tombstones.ts";
import { gatherReads } from "../db/gathered-reads.ts";
import { keepQuery } from "../db/kept-query.ts";
import { acrossTenants } from "../db/tenant-guard.ts";
import { readSettings } from "../profiles/settings.ts";
import type { Db } from "../schema.ts";
import type { AgentGroup } from "./coverage.ts";

/** What a token for one agent takes from what is known of it. */
export interface TargetAgent {
  readonly tenantId: string;
  readonly hostName: string;
  readonly platform: Platform;
  readonly liftSeconds: number;
  /** Whether a token reaches it. */
  readonly group: AgentGroup;
}

/** An agent, also one that was deleted here, whose tenant is still to be compared with the reach of who asks. */
export async function findTargetAgent(db: Db, id: string): Promise<TargetAgent | undefined> {
  const agent = await findAgent(db, id);
  if (agent !== undefined) {
    const { liftSeconds, requireChallenge } = readSettings(agent.settings).serviceProtection;
    return {
      tenantId: agent.tenant_id,
      hostName: agent.host_name,
      platform: agent.platform,
      liftSeconds,
      group: { count: 1, bundleVersion: agent.bundle_ver, requireChallenge },
    };
  }
  const tombstone = await findTombstoneAnywhere(db, id);
  if (tombstone === undefined) return undefined;
  return {
    tenantId: tombstone.tenant_id,
    hostName: tombstone.host_name,
    platform: tombstone.platform,
    liftSeconds: tombstone.lift_seconds,
    group: {
      count: 1,
      bundleVersion: tombstone.bundle_ver,
      requireChallenge: tombstone.require_challenge === 1,
      deleted: true,
    },
  };
}

const selectAgents = keepQuery((db: Db, { ids }: { readonly ids: readonly string[] }) => {
  const query = db
    .selectFrom("agent")
    .innerJoin("profile", (join) =>
      join.onRef("profile.id", "=", "agent.profile_id").onRef("profile.tenant_id", "=", "agent.tenant_id"),
    )
    .select(["agent.id", "agent.tenant_id", "agent.host_name", "agent.platform", "agent.bundle_ver"])
    .select("profile.settings")
    .where("agent.id", "in", ids);
  return acrossTenants(query, "found by its id; its tenant is compared with the reach of who asks");
});

const findAgent = gatherReads(async (db: Db, ids) => {
  return new Map((await selectAgents(db, { ids })).map((agent) => [agent.id, agent]));
});
