import { type Kysely, sql } from "kysely";
import type { Db } from "../schema.ts";
import type { BackupManifest } from "./backup-file.ts";
import { countTables, findTables } from "./read-tables.ts";

/** What is in a database that something else is to be put into. */
export type Occupant =
  | {
      readonly clusterId: string;
      readonly counts: readonly { readonly name: string; readonly rows: number }[];
      /** The newest entry of the audit log, Unix ms; null: there is none. */
      readonly lastEntryAt: number | null;
    }
  | {
      readonly clusterId: null;
      /** Why it cannot be read. */
      readonly damaged: string;
    };

/** Something else is there already. */
export class TargetOccupied extends Error {
  override readonly name = "TargetOccupied";
  readonly occupant: Occupant;
  /** What was to take its place; null: a copy, which takes nobody's place. */
  readonly manifest: BackupManifest | null;

  constructor(target: string, occupant: Occupant, manifest: BackupManifest | null) {
    const what = occupant.clusterId === null ? "a database that cannot be read" : `the cluster ${occupant.clusterId}`;
    super(`There is ${what} in ${target} already.`);
    this.occupant = occupant;
    this.manifest = manifest;
  }
}

/** What people know of a cluster by its numbers. */
const told = ["tenant", "user_account", "agent", "agent_token", "journal_entry", "audit_entry"];

/** @returns null when there is no cluster in the database */
export async function describeOccupant(db: Kysely<unknown>, engine: "sqlite" | "postgres"): Promise<Occupant | null> {
  const tables = await findTables(db, engine);
  if (!tables.some(({ name }) => name === "cluster")) return null;
  const cluster = await (db as unknown as Db).selectFrom("cluster").select("id").executeTakeFirst();
  if (cluster === undefined) return null;
  const counts = await countTables(
    db,
    tables.filter(({ name }) => told.includes(name)),
  );
  const { rows } = await sql<{ at: number | null }>`select max(at) as at from audit_entry`.execute(db);
  return {
    clusterId: cluster.id,
    counts: counts.map(({ name, rows: count }) => ({ name, rows: count })),
    lastEntryAt: rows[0]?.at ?? null,
  };
}
