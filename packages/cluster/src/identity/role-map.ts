import { readFileSync } from "node:fs";
import { ConfigError } from "../config/config-error.ts";
import { toSearchText } from "../db/search-text.ts";
import { acrossTenants } from "../db/tenant-guard.ts";
import type { Db } from "../schema.ts";
import { isPossibleBinding, type Role, type RoleBinding, roles } from "./roles.ts";

/** A role as the map writes it: `site_admin`, or `tenant_owner@acme` with a tenant's name or id. */
export interface MappedRole {
  readonly role: Role;
  /** Null: the whole cluster. */
  readonly tenant: string | null;
}

/** Which roles a value of the identity provider's claim has here. */
export type RoleMap = ReadonlyMap<string, readonly MappedRole[]>;

/**
 * Reads a file like `{"postern-admins": "site_admin", "acme-ops": ["tenant_owner@acme", "auditor@beta"]}`.
 *
 * @throws {ConfigError} naming the entry that cannot be
 */
export function readRoleMap(path: string): RoleMap {
  const fault = (problem: string) => new ConfigError(`POSTERN_OIDC_ROLE_MAP names ${path}, ${problem}`);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const problem = error instanceof SyntaxError ? "which is not JSON" : "which cannot be read";
    throw fault(`${problem}. Write an object like {"postern-admins": "site_admin", "acme": "tenant_owner@acme"}.`);
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw fault('which holds no JSON object. Write one like {"postern-admins": "site_admin"}.');
  }
  const entries = Object.entries(content).map(([value, written]): [string, MappedRole[]] => {
    const mapped = [written].flat().map((one) => (typeof one === "string" ? parseMappedRole(one) : null));
    const whole = mapped.filter((one) => one !== null);
    if (whole.length === mapped.length) return [value, whole];
    throw fault(
      `where "${value}" has something that is no role. Roles of the cluster: site_admin, customer_support, auditor. ` +
        "Roles of one tenant: tenant_owner@NAME, agent_installer@NAME, auditor@NAME.",
    );
  });
  return new Map(entries);
}

function parseMappedRole(text: string): MappedRole | null {
  const at = text.indexOf("@");
  const role = roles.find((one) => one === (at < 0 ? text : text.slice(0, at)));
  const tenant = at < 0 ? null : text.slice(at + 1);
  if (role === undefined || tenant === "" || !isPossibleBinding({ role, tenantId: tenant })) return null;
  return { role, tenant };
}

/** The roles of somebody with these values of the claim. A tenant that does not exist gives none. */
export async function bindingsFor(db: Db, map: RoleMap, values: readonly string[]): Promise<RoleBinding[]> {
  const mapped = values.flatMap((value) => map.get(value) ?? []);
  const tenantNames = [...new Set(mapped.flatMap(({ tenant }) => tenant ?? []))];
  const found =
    tenantNames.length === 0
      ? []
      : await acrossTenants(
          db
            .selectFrom("tenant")
            .select(["id", "name_search"])
            .where((eb) =>
              eb.or([eb("name_search", "in", tenantNames.map(toSearchText)), eb("id", "in", tenantNames)]),
            ),
          "the operator's role map names tenants by their names",
        ).execute();
  const bindings = mapped.flatMap(({ role, tenant }): RoleBinding[] => {
    if (tenant === null) return [{ role, tenantId: null }];
    const row = found.find(({ id }) => id === tenant) ?? found.find((one) => one.name_search === toSearchText(tenant));
    return row === undefined ? [] : [{ role, tenantId: row.id }];
  });
  return [...new Map(bindings.map((binding) => [`${binding.role} ${binding.tenantId}`, binding])).values()];
}
