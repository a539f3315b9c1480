import type { Session, TokenKind } from "./types.ts";

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

/** What somebody may do, from what `GET /session` says of him. */
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
