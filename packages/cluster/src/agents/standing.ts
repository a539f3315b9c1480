import type { Audit } from "../audit/record.ts";
import { Problem } from "../http/problems.ts";
import type { Tx } from "../schema.ts";
import { relistAgents } from "./listed.ts";
import type { AgentTable } from "./tables.ts";

/**
 * Says that another agent has taken an agent's place, as after a machine was set up anew. Nothing is merged, and nobody is
 * told: should the agent be heard of after all, it is not replaced any more.
 *
 * @throws {Problem} replacement_refused: it is the agent itself, or one that is not there; or the agent is decommissioned
 */
export async function markReplaced(
  tx: Tx,
  agent: AgentTable,
  replacedBy: string | null,
  by: string,
  now: number,
): Promise<void> {
  if (agent.standing === "decommissioned") throw new Problem("replacement_refused", "The agent is decommissioned.");
  if (replacedBy !== null && !(await isOtherAgent(tx, agent, replacedBy))) {
    throw new Problem("replacement_refused", "The tenant has no other agent with the id given.");
  }
  await setStanding(tx, agent, { standing: "replaced", standing_since: now, standing_by: by, replaced_by: replacedBy });
}

/** Takes `replaced` or `restored` away; false when the agent has that standing no more. */
export async function endStanding(tx: Tx, agent: AgentTable, standing: "replaced" | "restored"): Promise<boolean> {
  if (agent.standing !== standing) return false;
  await setStanding(tx, agent, { standing: "normal", standing_since: null, standing_by: null, replaced_by: null });
  return true;
}

/** An agent that was taken for replaced has checked in. */
export async function enterReappeared(tx: Tx, audit: Audit, agent: AgentTable): Promise<void> {
  if (!(await endStanding(tx, agent, "replaced"))) return;
  const { id, tenant_id: tenantId, host_name: name } = agent;
  audit.record(tx, {
    tenantId,
    action: "agent.reappear",
    outcome: "done",
    origin: { who: { kind: "agent", id, name }, address: null, requestId: null },
    target: { kind: "agent", id, name },
    details: { replacedBy: agent.replaced_by },
  });
}

async function isOtherAgent(tx: Tx, { id, tenant_id }: AgentTable, otherId: string): Promise<boolean> {
  const other = await tx
    .selectFrom("agent")
    .select("id")
    .where("tenant_id", "=", tenant_id)
    .where("id", "=", otherId)
    .where("id", "!=", id)
    .executeTakeFirst();
  return other !== undefined;
}

type StandingColumns = Pick<AgentTable, "standing" | "standing_since" | "standing_by" | "replaced_by">;

async function setStanding(tx: Tx, { id, tenant_id }: AgentTable, columns: StandingColumns): Promise<void> {
  const set = await tx
    .updateTable("agent")
    .set(columns)
    .where("tenant_id", "=", tenant_id)
    .where("id", "=", id)
    .where("standing", "!=", "decommissioned")
    .returning("id")
    .executeTakeFirst();
  if (set !== undefined) await relistAgents(tx, tenant_id, [id], columns);
}
