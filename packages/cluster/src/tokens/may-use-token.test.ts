import type { TokenKind } from "@postern/token";
import { expect, test } from "vitest";
import { mayUseToken } from "./may-use-token.ts";

// The whole rule, written out: every role × kind × own or other tenant × deployment. `own` is the tenant that a role of
// one tenant is bound to; for roles of the cluster the two columns must be the same.
const verdicts = `
  role             | bound to | deployment | cluster | tenant own | tenant other | agent own | agent other
  site_admin       | cluster  | on-prem    | yes     | yes        | yes          | yes       | yes
  site_admin       | cluster  | saas       | yes     | yes        | yes          | yes       | yes
  customer_support | cluster  | on-prem    | no      | yes        | yes          | yes       | yes
  customer_support | cluster  | saas       | no      | yes        | yes          | yes       | yes
  tenant_owner     | tenant   | on-prem    | no      | no         | no           | no        | no
  tenant_owner     | tenant   | saas       | no      | yes        | no           | yes       | no
  agent_installer  | tenant   | on-prem    | no      | no         | no           | yes       | no
  agent_installer  | tenant   | saas       | no      | no         | no           | yes       | no
  auditor          | cluster  | on-prem    | no      | no         | no           | no        | no
  auditor          | cluster  | saas       | no      | no         | no           | no        | no
  auditor          | tenant   | on-prem    | no      | no         | no           | no        | no
  auditor          | tenant   | saas       | no      | no         | no           | no        | no
`;

type Binding = Parameters<typeof mayUseToken>[0]["bindings"][number];
type Deployment = Parameters<typeof mayUseToken>[3];

interface Verdict {
  readonly role: Binding["role"];
  readonly boundTo: string;
  readonly deployment: Deployment;
  readonly target: string;
  readonly allowed: boolean;
}

function readTable(text: string): Verdict[] {
  const [head = [], ...rows] = text
    .trim()
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim()));
  const targets = head.slice(3);
  return rows.flatMap(([role, boundTo, deployment, ...cells]) =>
    targets.map((target, column) => ({
      role: role as Binding["role"],
      boundTo: boundTo ?? "",
      deployment: deployment as Deployment,
      target,
      allowed: cells[column] === "yes",
    })),
  );
}

const table = readTable(verdicts);

test("the table is whole", () => {
  expect(table).toHaveLength(6 * 2 * 5);
});

test.each(table)("$role of a $boundTo, $deployment, token for $target: $allowed", (verdict) => {
  const principal = { bindings: [{ role: verdict.role, tenantId: verdict.boundTo === "cluster" ? null : "own" }] };
  const [kind = "", tenantId = null] = verdict.target.split(" ");
  expect(mayUseToken(principal, kind as TokenKind, { tenantId }, verdict.deployment)).toBe(verdict.allowed);
});

test("nobody without a binding may use any token", () => {
  expect(mayUseToken({ bindings: [] }, "agent", { tenantId: "own" }, "saas")).toBe(false);
});

test("the widest of several bindings applies", () => {
  const principal = {
    bindings: [
      { role: "auditor", tenantId: null },
      { role: "agent_installer", tenantId: "own" },
      { role: "customer_support", tenantId: null },
    ] as const,
  };
  expect(mayUseToken(principal, "tenant", { tenantId: "other" }, "on-prem")).toBe(true);
  expect(mayUseToken(principal, "cluster", { tenantId: null }, "on-prem")).toBe(false);
});

test.each([
  ["a cluster role bound to a tenant", { role: "site_admin", tenantId: "own" }],
  ["a support role bound to a tenant", { role: "customer_support", tenantId: "own" }],
  ["an owner bound to the cluster", { role: "tenant_owner", tenantId: null }],
  ["an installer bound to the cluster", { role: "agent_installer", tenantId: null }],
  ["a role that does not exist", { role: "root" as Binding["role"], tenantId: null }],
] as const)("%s gives nothing", (_, binding) => {
  for (const deployment of ["on-prem", "saas"] as const) {
    expect(mayUseToken({ bindings: [binding] }, "agent", { tenantId: "own" }, deployment)).toBe(false);
    expect(mayUseToken({ bindings: [binding] }, "tenant", { tenantId: "own" }, deployment)).toBe(false);
    expect(mayUseToken({ bindings: [binding] }, "cluster", { tenantId: null }, deployment)).toBe(false);
  }
});

test("a target that contradicts its kind is refused even to a site administrator", () => {
  const principal = { bindings: [{ role: "site_admin", tenantId: null }] as const };
  expect(mayUseToken(principal, "cluster", { tenantId: "own" }, "on-prem")).toBe(false);
  expect(mayUseToken(principal, "tenant", { tenantId: null }, "on-prem")).toBe(false);
  expect(mayUseToken(principal, "agent", { tenantId: null }, "on-prem")).toBe(false);
});
