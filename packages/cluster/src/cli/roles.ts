import { InvalidArgumentError, Option } from "commander";
import type { RoleBinding } from "./answers.ts";
import type { Api } from "./api.ts";
import { findTenant } from "./find.ts";

/** Where each role can be held. The cluster has the last word; here it only makes mistakes show early. */
const rolesByPlace = {
  cluster: ["site_admin", "customer_support", "auditor"],
  tenant: ["tenant_owner", "agent_installer", "auditor"],
} as const;

/** For help texts: the roles, and how to say where they are held. */
export const rolesHelp =
  `Roles of the whole cluster: ${rolesByPlace.cluster.join(", ")}. ` +
  `Roles in one tenant, written ROLE@TENANT: ${rolesByPlace.tenant.join(", ")}.`;

/** A role as it was typed: `site_admin`, or `tenant_owner@acme` with a tenant's name or id. */
export interface TypedRole {
  readonly role: string;
  readonly tenant: string | undefined;
}

export function parseRole(text: string): TypedRole {
  const at = text.indexOf("@");
  const role = at < 0 ? text : text.slice(0, at);
  const tenant = at < 0 ? undefined : text.slice(at + 1);
  const possible: readonly string[] = rolesByPlace[tenant === undefined ? "cluster" : "tenant"];
  if (!possible.includes(role) || tenant === "") {
    throw new InvalidArgumentError(rolesHelp);
  }
  return { role, tenant };
}

/** `--role ROLE[@TENANT]`, once or more often. */
export function roleOption(description: string): Option {
  const gather = (text: string, before: readonly TypedRole[] = []) => [...before, parseRole(text)];
  return new Option("--role <role[@tenant]>", description).argParser(gather);
}

/** The role with its tenant's id. @throws {CommandFailed} 2: no such tenant */
export async function bindingOf(api: Api, { role, tenant }: TypedRole): Promise<RoleBinding> {
  return { role, tenantId: tenant === undefined ? null : (await findTenant(api, tenant)).id };
}

/** Roles as they would be typed. */
export function rolesText(roles: readonly RoleBinding[], tenantNames: ReadonlyMap<string, string>): string {
  const one = ({ role, tenantId }: RoleBinding) =>
    tenantId === null ? role : `${role}@${tenantNames.get(tenantId) ?? tenantId}`;
  return roles.map(one).join(", ");
}
