import { expect, test } from "vitest";
import type { Deployment } from "../config/config.ts";
import { Problem } from "../http/problems.ts";
import type { RoleBinding } from "../identity/roles.ts";
import { refusesTokens, requireRight } from "./right.ts";

const bindings: Readonly<Record<string, RoleBinding>> = {
  site_admin: { role: "site_admin", tenantId: null },
  customer_support: { role: "customer_support", tenantId: null },
  tenant_owner: { role: "tenant_owner", tenantId: "own" },
  agent_installer: { role: "agent_installer", tenantId: "own" },
  auditor: { role: "auditor", tenantId: null },
};

const single = "Your role may generate tokens for single agents, not for";
const asks = "Ask customer support, or a site administrator.";
const owners = `On an on-prem cluster, tenant owners generate no agent tokens. ${asks}`;
const auditors = `Auditors generate no agent tokens. ${asks}`;

// Every role × kind, by deployment where that makes a difference; null: it may.
const table: readonly [role: string, deployment: Deployment, agent: unknown, tenant: unknown, cluster: unknown][] = [
  ["site_admin", "on-prem", null, null, null],
  [
    "customer_support",
    "on-prem",
    null,
    null,
    "Your role may generate tokens for single agents and for any tenant, not for the cluster.",
  ],
  ["tenant_owner", "on-prem", owners, owners, owners],
  [
    "tenant_owner",
    "saas",
    null,
    null,
    "Your role may generate tokens for single agents and for your tenant, not for the cluster.",
  ],
  ["agent_installer", "on-prem", null, `${single} a tenant.`, `${single} the cluster.`],
  ["auditor", "on-prem", auditors, auditors, auditors],
  ["auditor", "saas", auditors, auditors, auditors],
];

test.each(table)("what a %s on %s is told", (role, deployment, ...told) => {
  const binding = bindings[role];
  if (binding === undefined) throw new Error(role);
  for (const [n, kind] of (["agent", "tenant", "cluster"] as const).entries()) {
    const tenantId = kind === "cluster" ? null : "own";
    let said: string | null = null;
    try {
      requireRight("generate", { bindings: [binding] }, kind, tenantId, deployment);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      expect(error.code).toBe("role_may_not_generate");
      said = error.message;
    }
    expect(said, kind).toBe(told[n]);
  }
});

test("who may have no token at all is told so before it is known which one is wanted", () => {
  expect(refusesTokens("retrieve")([{ role: "auditor", tenantId: "own" }], "saas")).toEqual({
    code: "role_may_not_retrieve",
    detail: `Auditors see no agent tokens. ${asks}`,
  });
  expect(refusesTokens("generate")([{ role: "tenant_owner", tenantId: "own" }], "on-prem").detail).toBe(owners);
});
