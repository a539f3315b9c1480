import { expect, test } from "vitest";
import type { Deployment } from "./config/config.ts";
import { mayGrant } from "./identity/permissions.ts";
import { isPossibleBinding, type RoleBinding, roles, tokenKindsOf } from "./identity/roles.ts";
import { mayUseToken } from "./tokens/may-use-token.ts";

const places = [null, "tenant-1", "tenant-2"];
const bindings: RoleBinding[] = roles
  .flatMap((role) => places.map((tenantId) => ({ role, tenantId })))
  .filter(isPossibleBinding);
const kinds = ["cluster", "tenant", "agent"] as const;

function targetsOf(kind: (typeof kinds)[number]): { tenantId: string | null }[] {
  return kind === "cluster" ? [{ tenantId: null }] : [{ tenantId: "tenant-1" }, { tenantId: "tenant-2" }];
}

test.each(["on-prem", "saas"] as Deployment[])(
  "what a role is said to generate is what it may, on %s",
  (deployment) => {
    for (const binding of bindings) {
      for (const kind of kinds) {
        const may = targetsOf(kind).some((target) => mayUseToken({ bindings: [binding] }, kind, target, deployment));
        expect(tokenKindsOf(binding.role, deployment).includes(kind), `${binding.role} ${kind}`).toBe(may);
      }
    }
  },
);

test.each(["on-prem", "saas"] as Deployment[])(
  "nobody grants a role that could generate what he may not, on %s",
  (deployment) => {
    for (const granter of bindings) {
      for (const granted of bindings.filter((binding) => mayGrant([granter], binding, deployment))) {
        for (const kind of kinds) {
          for (const target of targetsOf(kind)) {
            const given = mayUseToken({ bindings: [granted] }, kind, target, deployment);
            const own = mayUseToken({ bindings: [granter] }, kind, target, deployment);
            expect(!given || own, `${granter.role} gives ${granted.role}: ${kind}`).toBe(true);
          }
        }
      }
    }
  },
);
