import { agentLimits } from "./limits.ts";
import type { AgentTable, PresenceTable } from "./tables.ts";

export const agentStates = ["active", "inactive", "restored", "replaced", "decommissioned"] as const;
export type AgentState = (typeof agentStates)[number];

/**
 * The one word for how an agent stands: what was said of it, else whether it is heard of as often as it should be.
 */
export function stateOfAgent(
  { standing }: Pick<AgentTable, "standing">,
  { due_at }: Pick<PresenceTable, "due_at">,
  now: number,
): AgentState {
  if (standing !== "normal") return standing;
  return now < due_at + agentLimits.graceMs ? "active" : "inactive";
}
