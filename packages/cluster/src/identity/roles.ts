import type { TokenKind } from "@postern/token";
import type { Deployment } from "../config/config.ts";

export const roles = ["site_admin", "customer_support", "tenant_owner", "agent_installer", "auditor"] as const;
export type Role = (typeof roles)[number];

/** A role, held for the whole cluster (`tenantId` null) or in one tenant. */
export interface RoleBinding {
  readonly role: Role;
  readonly tenantId: string | null;
}

const boundTo: Record<Role, readonly ("cluster" | "tenant")[]> = {
  site_admin: ["cluster"],
  customer_support: ["cluster"],
  tenant_owner: ["tenant"],
  agent_installer: ["tenant"],
  auditor: ["cluster", "tenant"],
};

/** Whether a role may be held there at all: nobody is site administrator of one tenant. */
export function isPossibleBinding({ role, tenantId }: RoleBinding): boolean {
  return boundTo[role].includes(tenantId === null ? "cluster" : "tenant");
}

/**
 * The kinds of agent token that a role can generate where it is bound. Used to decide who may grant the role; whether a
 * token may be generated is decided where tokens are made, and a test holds both together.
 */
export function tokenKindsOf(role: Role, deployment: Deployment): readonly TokenKind[] {
  switch (role) {
    case "site_admin":
      return ["cluster", "tenant", "agent"];
    case "customer_support":
      return ["tenant", "agent"];
    case "tenant_owner":
      return deployment === "saas" ? ["tenant", "agent"] : [];
    case "agent_installer":
      return ["agent"];
    case "auditor":
      return [];
  }
}
