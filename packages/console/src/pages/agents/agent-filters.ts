import type { Query } from "../../api/types.ts";
import type { Search } from "../../shared/search-state.ts";

export type AgentQuery = Omit<Query<"/api/v1/agents">, "cursor" | "limit" | "sort" | "format">;

/** The filters of the list, as they are called in the address and in the API. */
export const filterNames = ["q", "view", "protection", "state", "platform", "version", "profileId", "label"] as const;
export type FilterName = (typeof filterNames)[number];

/** What belongs to a saved view. */
export const viewMembers = [...filterNames, "sort"] as const;

/** The API's query for what stands in the address. Values that the API does not know are told by its answer. */
export function agentQueryOf(search: Search, tenantId: string | undefined): AgentQuery {
  const { q, view, ...lists } = Object.fromEntries(filterNames.map((name) => [name, search[name]]));
  const given = Object.entries(lists).flatMap(([name, value]) => (value === undefined ? [] : [[name, [value]]]));
  return {
    ...(q && { q }),
    ...(view && { view }),
    ...Object.fromEntries(given),
    ...(tenantId && { tenantId: [tenantId] }),
  } as AgentQuery;
}

export function isFiltered(search: Search): boolean {
  return filterNames.some((name) => search[name] !== undefined);
}

export const noFilters: Search = Object.fromEntries(filterNames.map((name) => [name, undefined]));
