import type { AgentQuery } from "./agent-filters.ts";

/** Agents by their ids, or those that the list's filters name. */
export type AgentTarget = { readonly agentIds: readonly string[] } | { readonly filter: AgentQuery };

/** As the bodies of the API's bulk operations want it. */
export function targetBody(target: AgentTarget) {
  return "filter" in target ? { filter: target.filter } : { agentIds: [...target.agentIds] };
}
