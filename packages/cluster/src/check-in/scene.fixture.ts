import type { Caller, TestCluster } from "../test-cluster.fixture.ts";
import { engine } from "../test-database.fixture.ts";

export interface TestTenant {
  readonly id: string;
  readonly name: string;
  /** Its profile `Default`. */
  readonly profileId: string;
}

export async function makeTenant(admin: Caller, name: string): Promise<TestTenant> {
  const tenant = await admin.send("POST", "/tenants", { name });
  const profiles = await admin.send("GET", `/profiles?tenantId=${tenant.json.id}`);
  return { id: tenant.json.id, name, profileId: profiles.json.items[0].id };
}

/** A new activation key for many agents, unless `change` says otherwise. */
export async function makeActivationKey(admin: Caller, tenantId: string, change: object = {}): Promise<string> {
  const made = await admin.send("POST", "/activation-keys", { tenantId, maxUses: 100, ...change });
  if (made.status !== 201) throw new Error(`making an activation key answered ${JSON.stringify(made.json)}`);
  return made.json.key;
}

/** From now on every change of the cluster fails, as with a disk that cannot be written. */
export function breakCommits(cluster: TestCluster): Promise<void> {
  return breakInserts(cluster, "audit_entry");
}

export function mendCommits(cluster: TestCluster): Promise<void> {
  return mendInserts(cluster, "audit_entry");
}

export async function breakInserts({ database }: TestCluster, table: string): Promise<void> {
  if (engine === "sqlite") {
    await database.query(
      `create trigger broken_disk before insert on ${table} begin select raise(abort, 'disk I/O error'); end`,
    );
    return;
  }
  await database.query(
    "create or replace function broken_disk() returns trigger language plpgsql as $$ begin raise 'disk I/O error'; end $$",
  );
  await database.query(`create trigger broken_disk before insert on ${table} execute function broken_disk()`);
}

export async function mendInserts({ database }: TestCluster, table: string): Promise<void> {
  await database.query(engine === "sqlite" ? "drop trigger broken_disk" : `drop trigger broken_disk on ${table}`);
}
