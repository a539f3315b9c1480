import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, read } from "../../api/client.ts";
import type { Answer } from "../../api/types.ts";
import type { AgentQuery } from "./agent-filters.ts";

export type Facets = Answer<"/api/v1/agents/facets">;

/** How many agents each value of each filter would leave. */
export function useFacets(query: AgentQuery): Facets | undefined {
  return useQuery({
    queryKey: ["agent-facets", query],
    queryFn: () => read(api.GET("/api/v1/agents/facets", { params: { query } })),
    placeholderData: keepPreviousData,
  }).data;
}
