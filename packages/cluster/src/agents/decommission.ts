import type { CheckIn } from "@postern/protocol";
import type { Audit } from "../audit/record.ts";
import type { ChangePublisher } from "../change-feed.ts";
import { toRfc3339 } from "../clock.ts";
import { Problem } from "../http/problems.ts";
import type { ProfileSettings } from "../profiles/settings.ts";
import type { Tx } from "../schema.ts";
import { findAgentAnywhere, type KnownAgent } from "./agents.ts";
import { desiredRevision, type RevisionSources } from "./desired-revision.ts";
import { type LabelledAgent, slices } from "./labels.ts";
import { relistAgents } from "./listed.ts";
import type { AgentTable } from "./tables.ts";

/**
 * The settings that an agent is to have: its profile's; of one that a user decommissions, with protection off. So the
 * config that takes its protection away is as signed and as revised as any other.
 */
export function wantedSettings({ agent, profile }: Pick<KnownAgent, "agent" | "profile">): ProfileSettings {
  const { settings } = profile;
  if (agent.decommission_at === null) return settings;
  return { ...settings, serviceProtection: { ...settings.serviceProtection, on: false } };
}

/**
 * Asks for the end of these agents: each is sent a config with protection off, and is decommissioned once it has said
 * that it applied it. Those that somebody has asked for already stay as they are.
 *
 * @returns those that were not asked for yet
 */
export async function requestDecommission(
  tx: Tx,
  feed: ChangePublisher,
  agents: readonly LabelledAgent[],
  by: string,
  now: number,
): Promise<LabelledAgent[]> {
  const requested: LabelledAgent[] = [];
  for (const [tenantId, ofTenant] of Map.groupBy(agents, (agent) => agent.tenantId)) {
    for (const some of slices(ofTenant)) {
      const rows = await tx
        .selectFrom("agent")
        .innerJoin("profile", (join) =>
          join.onRef("profile.id", "=", "agent.profile_id").onRef("profile.tenant_id", "=", "agent.tenant_id"),
        )
        .select(["agent.id", "assigned_at", "profile.changed_at"])
        .where("agent.tenant_id", "=", tenantId)
        .where("agent.id", "in", idsOf(some))
        .where("decommission_at", "is", null)
        .execute();
      if (rows.length === 0) continue;
      const ids = idsOf(rows);
      const columns = { decommission_at: now, decommission_by: by, assigned_at: pastRevisions(rows, now) };
      await tx.updateTable("agent").set(columns).where("tenant_id", "=", tenantId).where("id", "in", ids).execute();
      await relistAgents(tx, tenantId, ids, columns);
      for (const id of ids) feed.publish(tx, { kind: "assignment", tenantId, agentId: id });
      requested.push(...some.filter(({ id }) => ids.includes(id)));
    }
  }
  return requested;
}

/**
 * Takes it back, as long as the agent has not said that its protection is off.
 *
 * @throws {Problem} not_found, decommission_not_pending, agent_decommissioned
 */
export async function cancelDecommission(tx: Tx, feed: ChangePublisher, agentId: string, now: number): Promise<void> {
  const known = await findAgentAnywhere(tx, agentId);
  if (known === undefined) throw new Problem("not_found");
  const { agent, revision } = known;
  if (agent.standing === "decommissioned") throw new Problem("decommission_applied");
  if (agent.decommission_at === null) throw new Problem("decommission_not_pending");
  const { profileChangedAt: changed_at, assignedAt: assigned_at } = revision;
  const columns = {
    decommission_at: null,
    decommission_by: null,
    assigned_at: pastRevisions([{ changed_at, assigned_at }], now),
  };
  await tx
    .updateTable("agent")
    .set(columns)
    .where("tenant_id", "=", agent.tenant_id)
    .where("id", "=", agentId)
    .execute();
  await relistAgents(tx, agent.tenant_id, [agentId], columns);
  feed.publish(tx, { kind: "assignment", tenantId: agent.tenant_id, agentId });
}

/**
 * Enters that an agent has carried its end out: it reports the very revision that takes its protection away, and that
 * its protection is off. From then on it is heard no more.
 *
 * @returns whether it has
 */
export async function enterDecommissioned(
  tx: Tx,
  audit: Audit,
  agent: AgentTable,
  sources: RevisionSources,
  { applied, protection }: CheckIn,
  now: number,
): Promise<boolean> {
  if (agent.decommission_at === null || agent.standing === "decommissioned") return false;
  const isApplied = applied.rev === desiredRevision(sources, applied.rev).rev;
  if (!isApplied || (protection.state !== "off" && protection.state !== "unsupported")) return false;
  const { id, tenant_id: tenantId, host_name: name, decommission_by } = agent;
  const entered = await tx
    .updateTable("agent")
    .set({ standing: "decommissioned", standing_since: now, standing_by: decommission_by, replaced_by: null })
    .where("tenant_id", "=", tenantId)
    .where("id", "=", id)
    // Somebody may have taken it back in this very moment.
    .where("decommission_at", "=", agent.decommission_at)
    .where("assigned_at", "=", agent.assigned_at)
    .returning("id")
    .executeTakeFirst();
  if (entered === undefined) return false;
  await relistAgents(tx, tenantId, [id], { standing: "decommissioned" });
  audit.record(tx, {
    tenantId,
    action: "agent.decommissioned",
    outcome: "done",
    origin: { who: { kind: "agent", id, name }, address: null, requestId: null },
    target: { kind: "agent", id, name },
    details: { requestedAt: toRfc3339(agent.decommission_at), by: decommission_by, rev: applied.rev },
  });
  return true;
}

/** A time past the revision that each has now, also when the clock went back. */
function pastRevisions(rows: readonly { assigned_at: number; changed_at: number }[], now: number): number {
  return Math.max(now, ...rows.map(({ assigned_at, changed_at }) => Math.max(assigned_at, changed_at) + 1));
}

function idsOf(agents: readonly { readonly id: string }[]): string[] {
  return agents.map(({ id }) => id);
}
