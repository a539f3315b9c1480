import type { TokenKind } from "@postern/token";
import type { Deployment } from "../config/config.ts";
import { Problem } from "../http/problems.ts";
import type { Refusal } from "../identity/authorize.ts";
import { mayUseToken, type TokenPrincipal } from "./may-use-token.ts";

type Action = "generate" | "retrieve";

const verbs: Readonly<Record<Action, string>> = { generate: "generate", retrieve: "see" };

const codes = { generate: "role_may_not_generate", retrieve: "role_may_not_retrieve" } as const;

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
  action: Action,
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
  if (narrower.length === 0) throw new Problem(codes[action], noneText(action, principal, deployment));
  const isOfOneTenant = principal.bindings.every((binding) => binding.tenantId !== null);
  const words = { ...whom, tenant: isOfOneTenant ? "your tenant" : "any tenant" };
  const may = narrower.map((other) => `for ${words[other]}`).join(" and ");
  throw new Problem(codes[action], `Your role may ${verbs[action]} tokens ${may}, not for ${whom[kind]}.`);
}

/** For those whose roles allow no token at all: they are refused before it is known which one they want. */
export function refusesTokens(action: Action): Refusal {
  return (bindings, deployment) => ({ code: codes[action], detail: noneText(action, { bindings }, deployment) });
}

function noneText(action: Action, { bindings }: TokenPrincipal, deployment: Deployment): string {
  const verb = verbs[action];
  if (deployment === "on-prem" && bindings.some(({ role }) => role === "tenant_owner")) {
    return `On an on-prem cluster, tenant owners ${verb} no agent tokens. Ask customer support, or a site administrator.`;
  }
  if (bindings.every(({ role }) => role === "auditor")) {
    return `Auditors ${verb} no agent tokens. Ask customer support, or a site administrator.`;
  }
  return `Your role may not ${verb} agent tokens here.`;
}

/** Where to look for what the role does allow: in the tenant asked for, else in those that it is bound to. */
function tenantsOf(principal: TokenPrincipal, tenantId: string | null): readonly string[] {
  if (tenantId !== null) return [tenantId];
  const anyTenant = "any";
  return principal.bindings.map((binding) => binding.tenantId ?? anyTenant);
}
