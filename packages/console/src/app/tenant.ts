import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, read } from "../api/client.ts";
import type { Tenant } from "../api/types.ts";
import { useSearchState } from "../shared/search-state.ts";

/** The tenant that is chosen in the header, or undefined for all that one may see. It stands in the address. */
export function useTenantId(): string | undefined {
  const [search] = useSearchState();
  return search["tenant"];
}

/** The tenants that one may see, by name; the first 500, the rest is found by typing. */
export const tenantsQuery = queryOptions({
  queryKey: ["tenants", "selector"],
  queryFn: () => read(api.GET("/api/v1/tenants", { params: { query: { limit: 500, sort: "name" } } })),
  staleTime: 60_000,
});

export function useTenants(): readonly Tenant[] {
  return useQuery(tenantsQuery).data?.items ?? [];
}

/** What a tenant is called; its id while that is not known. */
export function useTenantName(): (id: string) => string {
  const tenants = useTenants();
  return (id) => tenants.find((one) => one.id === id)?.name ?? id;
}
