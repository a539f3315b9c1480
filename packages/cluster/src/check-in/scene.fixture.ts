import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Caller, TestCluster } from "../test-cluster.fixture.ts";

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

/** Changes the database as somebody with the file in his hands could. */
export function alterDatabase(cluster: TestCluster, sql: string): void {
  const database = new DatabaseSync(join(cluster.directory, "postern.db"), { timeout: 5_000 });
  database.exec(sql);
  database.close();
}

export function queryDatabase(cluster: TestCluster, sql: string): Record<string, unknown>[] {
  const database = new DatabaseSync(join(cluster.directory, "postern.db"), { timeout: 5_000, readOnly: true });
  const rows = database.prepare(sql).all();
  database.close();
  return rows;
}

/** From now on every change of the cluster fails, as with a disk that cannot be written. */
export function breakCommits(cluster: TestCluster): void {
  alterDatabase(
    cluster,
    "create trigger broken_disk before insert on audit_entry begin select raise(abort, 'disk I/O error'); end",
  );
}

export function mendCommits(cluster: TestCluster): void {
  alterDatabase(cluster, "drop trigger broken_disk");
}
