import { createHash } from "node:crypto";
import { type Kysely, sql } from "kysely";

/**
 * One step of the schema, in statements that both engines understand after translation of the types: `text`, `int8`
 * (times in milliseconds, counters), `flag` (0 or 1, with its CHECK), `bytes`.
 *
 * A migration never changes once it was released; a later one corrects it.
 */
export interface Migration {
  /** `<feature>-<number>`, unique. */
  readonly name: string;
  readonly statements: readonly string[];
}

/** Translates one statement of a migration for an engine. */
export type RenderDdl = (statement: string) => string;

/** The database does not fit this program. The message says what to do. */
export class SchemaMismatch extends Error {
  override readonly name = "SchemaMismatch";
}

interface MigrationTables {
  migration: { name: string; digest: string; applied_at: number };
}

/**
 * Brings the schema up to date: each migration that is missing runs in a transaction of its own, in the order given.
 *
 * @throws {SchemaMismatch} when the database knows a migration that this program does not, or another text of one.
 */
export async function applyMigrations<DB>(
  database: Kysely<DB>,
  migrations: readonly Migration[],
  render: RenderDdl,
  now: () => number,
): Promise<void> {
  const db = database as unknown as Kysely<MigrationTables>;
  await sql
    .raw(
      render(
        "create table if not exists migration (name text primary key, digest text not null, applied_at int8 not null)",
      ),
    )
    .execute(db);
  const applied = await db.selectFrom("migration").select(["name", "digest"]).execute();
  refuseStrangers(applied, migrations);

  const known = new Set(applied.map((row) => row.name));
  for (const migration of migrations) {
    if (known.has(migration.name)) continue;
    await db.transaction().execute(async (tx) => {
      for (const statement of migration.statements) await sql.raw(render(statement)).execute(tx);
      await tx
        .insertInto("migration")
        .values({ name: migration.name, digest: digestOf(migration), applied_at: now() })
        .execute();
    });
  }
}

function refuseStrangers(applied: readonly { name: string; digest: string }[], migrations: readonly Migration[]): void {
  const digests = new Map(migrations.map((migration) => [migration.name, digestOf(migration)]));
  for (const { name, digest } of applied) {
    const expected = digests.get(name);
    if (expected === undefined) {
      throw new SchemaMismatch(`The database is newer than this program (it has "${name}"). Start a newer version.`);
    }
    if (expected !== digest) {
      throw new SchemaMismatch(
        `The database was made by another build ("${name}" differs). Start the version that made it, or use another data directory.`,
      );
    }
  }
}

function digestOf(migration: Migration): string {
  return createHash("sha256").update(migration.statements.join(";\n")).digest("hex");
}
