import { agentLimits } from "./limits.ts";
import type { PresenceTable } from "./tables.ts";

export const agentStates = ["active", "inactive"] as const;
export type AgentState = (typeof agentStates)[number];

/** Whether an agent is heard of as often as it should be. */
export function stateOfAgent({ due_at }: Pick<PresenceTable, "due_at">, now: number): AgentState {
  return now < due_at + agentLimits.graceMs ? "active" : "inactive";
}
