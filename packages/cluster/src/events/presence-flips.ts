import { agentLimits } from "../agents/limits.ts";
import { acrossTenants } from "../db/tenant-guard.ts";
import type { Db } from "../schema.ts";
import { presenceEvent, type StreamEvent } from "./stream-events.ts";

/** Sees which agents have fallen silent or come back since it last looked. */
export interface PresenceFlips {
  look(now: number): Promise<StreamEvent[]>;
  /** Forgets what it saw: the next look tells nothing. */
  forget(): void;
}

/**
 * Silence comes by time and not by a change, so nobody can publish it. Each node looks for itself while somebody looks on;
 * one pass over a narrow table, instead of an event for each check-in.
 */
export function createPresenceFlips(db: Db): PresenceFlips {
  /** Silent agents, with their tenants. */
  let known: ReadonlyMap<string, string> | null = null;
  return {
    async look(now) {
      const silent = await silentAgents(db, now);
      const before = known;
      known = silent;
      if (before === null) return [];
      const inactive = [...silent].filter(([id]) => !before.has(id));
      const active = [...before].filter(([id]) => !silent.has(id));
      const tenants = new Set([...inactive, ...active].map(([, tenantId]) => tenantId));
      const idsIn = (agents: readonly (readonly [string, string])[], tenantId: string) =>
        agents.filter(([, of]) => of === tenantId).map(([id]) => id);
      return [...tenants].map((tenantId) =>
        presenceEvent(tenantId, idsIn(active, tenantId), idsIn(inactive, tenantId)),
      );
    },
    forget() {
      known = null;
    },
  };
}

async function silentAgents(db: Db, now: number): Promise<ReadonlyMap<string, string>> {
  const silent = db
    .selectFrom("presence")
    .innerJoin("agent", "agent.id", "presence.agent_id")
    .select(["presence.agent_id", "agent.tenant_id"])
    .where("presence.due_at", "<=", now - agentLimits.graceMs);
  const rows = await acrossTenants(silent, "told apart by tenant, each reader's stream is cut to his reach").execute();
  return new Map(rows.map(({ agent_id, tenant_id }) => [agent_id, tenant_id]));
}
