import { useQuery } from "@tanstack/react-query";
import { api, read } from "../../api/client.ts";
import type { Item } from "../../api/types.ts";

export type Intent = Item<"/api/v1/intents">;
export type IntentFilter = Intent["filter"];
export type NamedProfile = Item<"/api/v1/profiles">;

/** As many intents as a tenant can have are one page. */
const all = 500;

/** A tenant's intents in their order, and the tag that says which state of the list this is. */
export function useIntents(tenantId: string | undefined) {
  return useQuery({
    queryKey: ["intents", tenantId],
    queryFn: async () => {
      const { data, response } = await api.GET("/api/v1/intents", {
        params: { query: { tenantId: tenantId ?? "", limit: all } },
      });
      return { items: data?.items ?? [], etag: response.headers.get("etag") ?? undefined };
    },
    enabled: tenantId !== undefined,
  });
}

/** A tenant's profiles, by name. */
export function useProfiles(tenantId: string | undefined) {
  return useQuery({
    queryKey: ["profiles", "of-tenant", tenantId],
    queryFn: async (): Promise<readonly NamedProfile[]> => {
      const { items } = await read(
        api.GET("/api/v1/profiles", { params: { query: { tenantId: tenantId ?? "", limit: all } } }),
      );
      return items;
    },
    enabled: tenantId !== undefined,
  });
}

/** Which agents an intent is for, in words. */
export function filterWords({ platforms, hostName, labels, addresses }: IntentFilter): string {
  const parts = [
    platforms && `runs ${platforms.join(" or ")}`,
    hostName !== undefined && `is called ${hostName}`,
    labels && `has ${labels.length === 1 ? "the label" : "the labels"} ${labels.join(" and ")}`,
    addresses && `has an address in ${addresses.join(" or ")}`,
  ].filter(Boolean);
  return parts.length === 0 ? "Every agent" : `An agent that ${parts.join(", and ")}`;
}
