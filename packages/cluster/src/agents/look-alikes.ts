import type { Db } from "../schema.ts";
import { slices } from "./labels.ts";
import { agentLimits } from "./limits.ts";
import type { AgentTable } from "./tables.ts";

/** Another agent of the tenant that looks like the same machine. */
export interface LookAlike {
  readonly id: string;
  readonly hostName: string;
  /** It reports the same machine id; else only the same host name. */
  readonly sameMachine: boolean;
}

type Compared = Pick<AgentTable, "id" | "tenant_id" | "host_name_search" | "machine_id" | "standing">;

/**
 * Agents of its tenant that look like the same machine as this one: they have its machine id or its host name. They are
 * shown and never merged, since both are only what a workload says. An agent that a user said was replaced is nobody's
 * look-alike. Of many the first by their ids: a cloned image may be everywhere.
 */
export async function findLookAlikes(db: Db, agent: Compared): Promise<LookAlike[]> {
  const { tenant_id, machine_id, host_name_search } = agent;
  const others = lookingAlike(db, tenant_id)
    .select(["id", "host_name", "machine_id"])
    .where("id", "!=", agent.id)
    .orderBy("id")
    .limit(agentLimits.maxLookAlikesNamed);
  const machines = machine_id === "" ? [] : await others.where("machine_id", "=", machine_id).execute();
  const namesakes = await others.where("host_name_search", "=", host_name_search).execute();
  const alike = new Map([...machines, ...namesakes].map((row) => [row.id, row]));
  return [...alike.values()].slice(0, agentLimits.maxLookAlikesNamed).map((row) => ({
    id: row.id,
    hostName: row.host_name,
    sameMachine: machine_id !== "" && row.machine_id === machine_id,
  }));
}

/** How many others have the machine id, or the host name, of each of these agents, whichever are more. */
export async function countLookAlikes(db: Db, agents: readonly Compared[]): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const [tenantId, ofTenant] of Map.groupBy(agents, (agent) => agent.tenant_id)) {
    for (const some of slices(ofTenant)) {
      const names = await countBy(db, tenantId, "host_name_search", some);
      const machines = await countBy(db, tenantId, "machine_id", some);
      for (const { id, standing, host_name_search, machine_id } of some) {
        const itself = standing === "replaced" || standing === "decommissioned" ? 0 : 1;
        const most = Math.max(names.get(host_name_search) ?? 0, machines.get(machine_id) ?? 0);
        counts.set(id, Math.max(0, most - itself));
      }
    }
  }
  return counts;
}

async function countBy(
  db: Db,
  tenantId: string,
  column: "host_name_search" | "machine_id",
  agents: readonly Compared[],
) {
  const values = [...new Set(agents.map((agent) => agent[column]))].filter((value) => value !== "");
  if (values.length === 0) return new Map<string, number>();
  const rows = await lookingAlike(db, tenantId)
    .select((row) => [`${column} as value`, row.fn.countAll<number>().as("count")])
    .where(column, "in", values)
    .groupBy(column)
    .execute();
  return new Map(rows.map(({ value, count }) => [value, Number(count)]));
}

function lookingAlike(db: Db, tenantId: string) {
  return db
    .selectFrom("agent")
    .where("tenant_id", "=", tenantId)
    .where("standing", "not in", ["replaced", "decommissioned"]);
}
