import {
  type CheckIn,
  MessageRefused,
  type OpenedLostCheckIn,
  openLostCheckIn,
  type UnverifiedCheckIn,
} from "@postern/protocol";
import { findAgentAnywhere, type KnownAgent } from "../agents/agents.ts";
import { restoreAgent } from "../agents/restoration.ts";
import { raiseWouldDrop } from "../events/report-alarms.ts";
import { Problem } from "../http/problems.ts";
import { findConfigKeys } from "../keys/config-keys.ts";
import type { CheckInServices } from "./services.ts";

/**
 * Takes back an agent of which nothing is known here, by the identity that this cluster once signed for it. Without one
 * it is a stranger, and learns nothing.
 *
 * @throws {Problem} agent_unauthenticated
 */
export async function restoreLost(
  services: CheckInServices,
  unverified: UnverifiedCheckIn,
): Promise<{ checkIn: CheckIn; known: KnownAgent }> {
  const { store, audit, clock, newId, feed } = services;
  const { checkIn, identity, identityKey } = await openLost(services, unverified);
  const { sub: id, facts, protection } = checkIn;
  if (facts === undefined) throw new Problem("agent_unauthenticated");
  const lost = { identity, identityKey, facts, protection };
  const isRestored = await store.durable(async (tx) => {
    if (!(await restoreAgent(tx, audit, lost, clock.now()))) return false;
    feed.publish(tx, { kind: "agent", tenantId: identity.tid, agentId: id });
    await raiseWouldDrop(
      tx,
      { newId, feed },
      { id, tenant_id: identity.tid, would_drop_profile_id: null },
      clock.now(),
    );
    return true;
  });
  const known = isRestored ? await findAgentAnywhere(store.reads, id) : undefined;
  if (known === undefined) throw new Problem("agent_unauthenticated");
  return { checkIn, known };
}

async function openLost({ store, keys }: CheckInServices, unverified: UnverifiedCheckIn): Promise<OpenedLostCheckIn> {
  if (unverified.unverifiedClaims.identity === undefined) throw new Problem("agent_unauthenticated");
  try {
    return openLostCheckIn(unverified, keys.clusterId, await findConfigKeys(store.reads));
  } catch (error) {
    if (error instanceof MessageRefused) throw new Problem("agent_unauthenticated", undefined, { cause: error });
    throw error;
  }
}
