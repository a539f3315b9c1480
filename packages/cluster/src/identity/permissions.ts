import type { TokenKind } from "@postern/token";
import type { Deployment } from "../config/config.ts";
import type { Reach } from "../http/access.ts";
import { isPossibleBinding, type Role, type RoleBinding, roles, tokenKindsOf } from "./roles.ts";

export const permissions = [
  "tenant.read",
  "tenant.manage",
  "user.read",
  "user.manage",
  "key.read",
  "key.manage",
  "audit.read",
  "profile.read",
  "profile.manage",
  "agent.read",
  "agent.manage",
  "activation-key.read",
  "activation-key.manage",
  "agent-token.read",
  "agent-token.generate",
  "agent-token.retrieve",
  "event.read",
  "alarm.read",
  "alarm.acknowledge",
  "metrics.read",
  "package.read",
  "package.manage",
  "cluster.read",
  "cluster.manage",
] as const;
export type Permission = (typeof permissions)[number];

const inventory = [
  "tenant.read",
  "profile.read",
  "agent.read",
  "activation-key.read",
  "event.read",
  "alarm.read",
  "package.read",
] as const;
const tokens = ["agent-token.read", "agent-token.generate", "agent-token.retrieve"] as const;

/** Which kinds of token the three token permissions are good for is a rule of its own, `mayUseToken`. */
const permissionsOfRole: Record<Role, readonly Permission[]> = {
  site_admin: permissions,
  customer_support: [...inventory, "user.read", "alarm.acknowledge", "metrics.read", ...tokens],
  tenant_owner: [
    ...inventory,
    "alarm.acknowledge",
    "profile.manage",
    "agent.manage",
    "activation-key.manage",
    "user.read",
    "user.manage",
    "agent-token.read",
  ],
  agent_installer: [
    "tenant.read",
    "agent.read",
    "activation-key.read",
    "activation-key.manage",
    "package.read",
    ...tokens,
  ],
  auditor: [...inventory, "user.read", "key.read", "audit.read", "agent-token.read", "metrics.read", "cluster.read"],
};

/** What a role may do where it is bound. */
export function permissionsOf(role: Role, deployment: Deployment): ReadonlySet<Permission> {
  const granted = new Set(permissionsOfRole[role]);
  if (role === "tenant_owner" && deployment === "saas") for (const permission of tokens) granted.add(permission);
  return granted;
}

/** The roles that have a permission, for people: those that have it in one deployment only say so. */
export function rolesWith(permission: string): string[] {
  return roles.flatMap((role) => {
    const [saas, onPrem] = (["saas", "on-prem"] as const).map((deployment) =>
      permissionsOf(role, deployment).has(permission as Permission),
    );
    if (saas && onPrem) return [role];
    return saas ? [`${role} (on saas)`] : [];
  });
}

/** Where somebody with these bindings holds a permission; null: nowhere. The widest binding applies. */
export function reachOf(bindings: readonly RoleBinding[], permission: string, deployment: Deployment): Reach | null {
  const tenants = new Set<string>();
  for (const binding of bindings) {
    if (!isPossibleBinding(binding)) continue;
    if (!permissionsOf(binding.role, deployment).has(permission as Permission)) continue;
    if (binding.tenantId === null) return "everywhere";
    tenants.add(binding.tenantId);
  }
  return tenants.size === 0 ? null : tenants;
}

/** Where somebody may generate and retrieve agent tokens of a kind; null: nowhere. */
export function reachOfTokenKind(
  bindings: readonly RoleBinding[],
  kind: TokenKind,
  deployment: Deployment,
): Reach | null {
  const able = bindings.filter(
    (binding) => isPossibleBinding(binding) && tokenKindsOf(binding.role, deployment).includes(kind),
  );
  if (able.some(({ tenantId }) => tenantId === null)) return "everywhere";
  const tenants = new Set(able.flatMap(({ tenantId }) => (tenantId === null ? [] : [tenantId])));
  return tenants.size === 0 ? null : tenants;
}

export function isWithin(reach: Reach | null, tenantId: string | null): boolean {
  if (reach === null) return false;
  return reach === "everywhere" || (tenantId !== null && reach.has(tenantId));
}

/**
 * Whether somebody may give or take `binding`: he manages users there, and could himself generate every kind of token
 * that the role could. So nobody can get at a token by way of a second account.
 */
export function mayGrant(granter: readonly RoleBinding[], binding: RoleBinding, deployment: Deployment): boolean {
  if (!isPossibleBinding(binding)) return false;
  if (!isWithin(reachOf(granter, "user.manage", deployment), binding.tenantId)) return false;
  return tokenKindsOf(binding.role, deployment).every((kind) => couldGenerate(granter, kind, binding, deployment));
}

/**
 * Whether the holder of `own` may act with `binding`, as an API key of his does: the same role at the same place, one that
 * his reaches over, or any role in reach of a site administrator.
 */
export function covers(own: readonly RoleBinding[], binding: RoleBinding): boolean {
  if (!isPossibleBinding(binding)) return false;
  return own.some(({ role, tenantId }) => {
    if (role === "site_admin" && tenantId === null) return true;
    return role === binding.role && (tenantId === null || tenantId === binding.tenantId);
  });
}

function couldGenerate(
  bindings: readonly RoleBinding[],
  kind: TokenKind,
  at: RoleBinding,
  deployment: Deployment,
): boolean {
  return bindings.some(
    (own) =>
      isPossibleBinding(own) &&
      (own.tenantId === null || own.tenantId === at.tenantId) &&
      tokenKindsOf(own.role, deployment).includes(kind),
  );
}
