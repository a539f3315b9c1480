import { queryOptions, useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { api, read } from "./client.ts";
import type { Session, TokenKind } from "./types.ts";

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

/** A permission as `GET /session` names it, such as `agent.manage`. */
export type Permission = string;

export interface May {
  /** Whether a permission is held: in this tenant, or, without one, anywhere at all. */
  (permission: Permission, tenantId?: string): boolean;
  /** Whether it is held for the whole cluster. */
  everywhere(permission: Permission): boolean;
  /** Whether agent tokens of a kind may be generated and retrieved: for this tenant, or anywhere at all. */
  token(kind: TokenKind, tenantId?: string): boolean;
}

/** What the person may do, as the API told it. It decides what is shown; the API decides what happens. */
export function useMay(): May {
  return mayOf(useSession());
}

export function mayOf({ permissions, agentTokens }: Session): May {
  const reaches = (held: Reach | undefined, tenantId: string | undefined) =>
    held !== undefined && (held.everywhere || tenantId === undefined || held.tenantIds.includes(tenantId));
  const held = (permission: string) => permissions.find((one) => one.permission === permission);
  return Object.assign((permission: Permission, tenantId?: string) => reaches(held(permission), tenantId), {
    everywhere: (permission: Permission) => held(permission)?.everywhere === true,
    token: (kind: TokenKind, tenantId?: string) =>
      reaches(
        agentTokens.find((one) => one.kind === kind),
        tenantId,
      ),
  });
}

interface Reach {
  readonly everywhere: boolean;
  readonly tenantIds: readonly string[];
}
