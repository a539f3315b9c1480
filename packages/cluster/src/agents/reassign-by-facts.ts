import type { Audit } from "../audit/record.ts";
import type { ChangePublisher } from "../change-feed.ts";
import type { Tx } from "../schema.ts";
import { reassign } from "./assignment.ts";
import type { AgentTable } from "./tables.ts";

/**
 * What follows from new facts that an agent has reported: another profile, unless that would weaken its protection; then
 * it is marked with what its facts would give it.
 */
export async function reassignByFacts(
  tx: Tx,
  audit: Audit,
  feed: ChangePublisher,
  { id, tenant_id: tenantId, host_name }: AgentTable,
  now: number,
): Promise<void> {
  for (const change of await reassign(tx, feed, tenantId, { kind: "agents", ids: [id] }, "facts", now)) {
    const { before, after } = change;
    const moved = before.profileId !== after.profileId;
    audit.record(tx, {
      tenantId,
      action: moved ? "agent.assign" : "agent.would-drop",
      outcome: "done",
      origin: { who: { kind: "agent", id, name: host_name }, address: null, requestId: null },
      target: { kind: "agent", id, name: change.hostName },
      details: moved
        ? { from: before.profileId, to: after.profileId }
        : { keeps: after.profileId, wouldDropTo: after.wouldDrop?.profileId ?? null },
    });
  }
}
