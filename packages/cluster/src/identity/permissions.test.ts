import { expect, test } from "vitest";
import type { Deployment } from "../config/config.ts";
import { covers, isWithin, mayGrant, permissions, permissionsOf, reachOf } from "./permissions.ts";
import { type Role, type RoleBinding, roles } from "./roles.ts";

const own = "tenant-1";
const other = "tenant-2";
const deployments: Deployment[] = ["on-prem", "saas"];

function binding(role: Role, tenantId: string | null): RoleBinding {
  return { role, tenantId };
}

const table: Record<string, string> = {
  // site_admin, customer_support, tenant_owner on-prem, tenant_owner saas, agent_installer, auditor
  "tenant.read": "S C o O I A",
  "tenant.manage": "S - - - - -",
  "user.read": "S C o O - A",
  "user.manage": "S - o O - -",
  "key.read": "S - - - - A",
  "key.manage": "S - - - - -",
  "audit.read": "S - - - - A",
  "profile.read": "S C o O - A",
  "profile.manage": "S - o O - -",
  "agent.read": "S C o O I A",
  "agent.manage": "S - o O - -",
  "activation-key.read": "S C o O I A",
  "activation-key.manage": "S - o O I -",
  "agent-token.read": "S C o O I A",
  "agent-token.generate": "S C - O I -",
  "agent-token.retrieve": "S C - O I -",
  "event.read": "S C o O - A",
  "alarm.read": "S C o O - A",
  "alarm.acknowledge": "S C o O - -",
  "metrics.read": "S C - - - A",
  "package.read": "S C o O I A",
  "package.manage": "S - - - - -",
  "cluster.read": "S - - - - A",
  "cluster.manage": "S - - - - -",
};

test.each(permissions)("%s is held by the roles of the table", (permission) => {
  const held = (role: Role, deployment: Deployment, letter: string): string =>
    permissionsOf(role, deployment).has(permission) ? letter : "-";
  const row = [
    held("site_admin", "on-prem", "S"),
    held("customer_support", "on-prem", "C"),
    held("tenant_owner", "on-prem", "o"),
    held("tenant_owner", "saas", "O"),
    held("agent_installer", "on-prem", "I"),
    held("auditor", "on-prem", "A"),
  ];
  expect(row.join(" ")).toBe(table[permission]);
});

test("only a tenant owner's permissions depend on the deployment", () => {
  for (const role of roles.filter((one) => one !== "tenant_owner")) {
    expect(permissionsOf(role, "saas")).toEqual(permissionsOf(role, "on-prem"));
  }
});

test("the widest binding applies", () => {
  const both = [binding("auditor", own), binding("customer_support", null)];
  expect(reachOf(both, "agent.read", "on-prem")).toBe("everywhere");
  expect(reachOf(both, "audit.read", "on-prem")).toEqual(new Set([own]));
  expect(reachOf(both, "user.manage", "on-prem")).toBeNull();
  expect(reachOf([binding("auditor", own), binding("auditor", other)], "agent.read", "saas")).toEqual(
    new Set([own, other]),
  );
});

test("a binding that cannot be gives nothing", () => {
  expect(reachOf([binding("site_admin", own), binding("tenant_owner", null)], "agent.read", "saas")).toBeNull();
  expect(reachOf([], "agent.read", "saas")).toBeNull();
  expect(reachOf([binding("site_admin", null)], "no.such.permission", "saas")).toBeNull();
});

test("a reach over some tenants is not one over the cluster", () => {
  expect(isWithin(new Set([own]), own)).toBe(true);
  expect(isWithin(new Set([own]), other)).toBe(false);
  expect(isWithin(new Set([own]), null)).toBe(false);
  expect(isWithin("everywhere", null)).toBe(true);
  expect(isWithin(null, own)).toBe(false);
});

interface GrantCase {
  granter: Role;
  grants: Role;
  at: string | null;
  on: Deployment[];
}

const grants: GrantCase[] = [
  ...(["site_admin", "customer_support", "auditor"] as const).map((role) => ({
    granter: "site_admin" as const,
    grants: role,
    at: null,
    on: deployments,
  })),
  ...(["tenant_owner", "agent_installer", "auditor"] as const).map((role) => ({
    granter: "site_admin" as const,
    grants: role,
    at: own,
    on: deployments,
  })),
  { granter: "tenant_owner", grants: "tenant_owner", at: own, on: deployments },
  { granter: "tenant_owner", grants: "auditor", at: own, on: deployments },
  // On on-prem the owner generates no tokens, so he cannot make somebody who does.
  { granter: "tenant_owner", grants: "agent_installer", at: own, on: ["saas"] },
];

test("a role is granted only by those who manage users there and could do what it can do", () => {
  const allowed = new Set(grants.flatMap((one) => one.on.map((on) => `${one.granter} ${one.grants} ${one.at} ${on}`)));
  for (const deployment of deployments) {
    for (const granter of roles) {
      const place = granter === "site_admin" || granter === "customer_support" ? null : own;
      for (const role of roles) {
        for (const at of [null, own, other]) {
          const key = `${granter} ${role} ${at === other && granter === "site_admin" ? own : at} ${deployment}`;
          expect.soft(mayGrant([binding(granter, place)], binding(role, at), deployment), key).toBe(allowed.has(key));
        }
      }
    }
  }
});

test("an API key acts with no role that its owner does not hold", () => {
  expect(covers([binding("site_admin", null)], binding("tenant_owner", own))).toBe(true);
  expect(covers([binding("tenant_owner", own)], binding("tenant_owner", own))).toBe(true);
  expect(covers([binding("tenant_owner", own)], binding("tenant_owner", other))).toBe(false);
  expect(covers([binding("tenant_owner", own)], binding("agent_installer", own))).toBe(false);
  expect(covers([binding("auditor", null)], binding("auditor", own))).toBe(true);
  expect(covers([binding("auditor", own)], binding("auditor", null))).toBe(false);
  expect(covers([binding("customer_support", null)], binding("site_admin", null))).toBe(false);
  expect(covers([], binding("auditor", own))).toBe(false);
});
