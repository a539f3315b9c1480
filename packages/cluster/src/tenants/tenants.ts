import type { Audit } from "../audit/record.ts";
import type { Clock } from "../clock.ts";
import { isUniqueViolation } from "../db/database-error.ts";
import type { NewId } from "../db/ids.ts";
import { toSearchText } from "../db/search-text.ts";
import type { Origin } from "../http/origin.ts";
import { Problem } from "../http/problems.ts";
import type { Db, Durable, Tx } from "../schema.ts";
import type { TenantTable } from "./tables.ts";

/** What a later feature does in the transaction in which a tenant is made, such as giving it its profile `Default`. */
export type WhenTenantCreated = (tx: Tx, tenant: TenantTable, origin: Origin) => Promise<void>;

export interface Tenants {
  /** @throws {Problem} name_taken */
  create(name: string, origin: Origin): Promise<TenantTable>;
  /**
   * Renames a tenant if `mayChange`, which sees it as it is, does not throw.
   *
   * @throws {Problem} not_found, name_taken
   */
  rename(id: string, name: string, origin: Origin, mayChange: (tenant: TenantTable) => void): Promise<TenantTable>;
}

export interface TenantsOptions {
  readonly durable: Durable;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly whenCreated: readonly WhenTenantCreated[];
}

export function createTenants({ durable, audit, clock, newId, whenCreated }: TenantsOptions): Tenants {
  return {
    create: (name, origin) =>
      refusingTakenName(() =>
        durable(async (tx) => {
          const now = clock.now();
          const tenant: TenantTable = {
            id: newId(),
            name,
            name_search: toSearchText(name),
            created_at: now,
            changed_at: now,
            revision: 1,
          };
          await tx.insertInto("tenant").values(tenant).execute();
          const target = { kind: "tenant", id: tenant.id, name };
          audit.record(tx, { tenantId: tenant.id, action: "tenant.create", outcome: "done", origin, target });
          for (const follow of whenCreated) await follow(tx, tenant, origin);
          return tenant;
        }),
      ),

    rename: (id, name, origin, mayChange) =>
      refusingTakenName(() =>
        durable(async (tx) => {
          const before = await findTenant(tx, id);
          if (before === undefined) throw new Problem("not_found");
          mayChange(before);
          const change = {
            name,
            name_search: toSearchText(name),
            changed_at: clock.now(),
            revision: before.revision + 1,
          };
          await tx.updateTable("tenant").set(change).where("id", "=", id).execute();
          audit.record(tx, {
            tenantId: id,
            action: "tenant.rename",
            outcome: "done",
            origin,
            target: { kind: "tenant", id, name },
            details: { before: before.name },
          });
          return { ...before, ...change };
        }),
      ),
  };
}

export async function findTenant(db: Db, id: string): Promise<TenantTable | undefined> {
  return db.selectFrom("tenant").selectAll().where("id", "=", id).executeTakeFirst();
}

async function refusingTakenName<T>(change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    if (isUniqueViolation(error))
      throw new Problem("name_taken", "There is already a tenant of that name.", { cause: error });
    throw error;
  }
}
