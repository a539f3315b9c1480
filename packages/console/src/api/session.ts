import { queryOptions, useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { api, read } from "./client.ts";
import { type May, mayOf } from "./may.ts";
import type { Session } from "./types.ts";

export const sessionKey = ["session"] as const;

export const sessionQuery = queryOptions({
  queryKey: sessionKey,
  queryFn: () => read(api.GET("/api/v1/session")),
  staleTime: 60_000,
});

/** Who is logged in. Below the shell there is always somebody. */
export function useSession(): Session {
  return useSuspenseQuery(sessionQuery).data;
}

/** How one can log in. */
export function useLoginMethods() {
  return useQuery({
    queryKey: ["session-methods"],
    queryFn: () => read(api.GET("/api/v1/session/methods")),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** What the person may do, as the API told it. It decides what is shown; the API decides what happens. */
export function useMay(): May {
  return mayOf(useSession());
}
