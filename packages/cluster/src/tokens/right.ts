import type { TokenKind } from "@postern/token";
import type { Deployment } from "../config/config.ts";
import { Problem } from "../http/problems.ts";
import { mayUseToken, type TokenPrincipal } from "./may-use-token.ts";

const whom: Readonly<Record<TokenKind, string>> = {
  agent: "single agents",
  tenant: "a tenant",
  cluster: "the cluster",
};

/**
 * The right to a token of this kind, or a sentence that says what the asker's role does allow.
 *
 * @throws {Problem} role_may_not_generate, role_may_not_retrieve
 */
export function requireRight(
  action: "generate" | "retrieve",
  principal: TokenPrincipal,
  kind: TokenKind,
  tenantId: string | null,
  deployment: Deployment,
): void {
  if (mayUseToken(principal, kind, { tenantId }, deployment)) return;
  const narrower = (["agent", "tenant"] as const).filter((other) => {
    return (
      other !== kind &&
      tenantsOf(principal, tenantId).some((id) => mayUseToken(principal, other, { tenantId: id }, deployment))
    );
  });
  const may = narrower.map((other) => whom[other]).join(" and ");
  const verb = action === "generate" ? "generate" : "see";
  const detail =
    may === ""
      ? `Your role may not ${verb} agent tokens here.`
      : `Your role may ${verb} tokens for ${may}, not for ${whom[kind]}.`;
  throw new Problem(action === "generate" ? "role_may_not_generate" : "role_may_not_retrieve", detail);
}

/** Where to look for what the role does allow: in the tenant asked for, else in those that it is bound to. */
function tenantsOf(principal: TokenPrincipal, tenantId: string | null): readonly string[] {
  if (tenantId !== null) return [tenantId];
  const anyTenant = "any";
  return principal.bindings.map((binding) => binding.tenantId ?? anyTenant);
}
