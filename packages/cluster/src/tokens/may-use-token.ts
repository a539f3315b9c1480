import type { TokenKind } from "@postern/token";
import type { Deployment } from "../config/config.ts";
import type { RoleBinding } from "../identity/roles.ts";

/** Who asks; a person or a program, with every role it is bound to. */
export interface TokenPrincipal {
  readonly bindings: readonly RoleBinding[];
}

/** The tenant that a token is for, or whose agent it is for; null for the cluster's own token. */
export interface TokenReach {
  readonly tenantId: string | null;
}

/**
 * Whether `principal` may generate, view and download an agent token of this kind for this target. One rule for all
 * three: whoever can see a token can use it.
 *
 * The widest binding applies. What is not listed is refused, an inconsistent binding or target included.
 */
export function mayUseToken(
  principal: TokenPrincipal,
  kind: TokenKind,
  target: TokenReach,
  deployment: Deployment,
): boolean {
  if ((kind === "cluster") !== (target.tenantId === null)) return false;
  return principal.bindings.some((binding) => allows(binding, kind, target, deployment));
}

function allows(binding: RoleBinding, kind: TokenKind, target: TokenReach, deployment: Deployment): boolean {
  const onCluster = binding.tenantId === null;
  const onTargetsTenant = binding.tenantId !== null && binding.tenantId === target.tenantId;
  switch (binding.role) {
    case "site_admin":
      return onCluster;
    case "customer_support":
      return onCluster && kind !== "cluster";
    case "tenant_owner":
      return onTargetsTenant && deployment === "saas";
    case "agent_installer":
      return onTargetsTenant && kind === "agent";
    case "auditor":
      return false;
    default:
      return false;
  }
}
