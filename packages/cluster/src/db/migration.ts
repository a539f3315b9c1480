import { createHash } from "node:crypto";
import { type Kysely, sql, type Transaction } from "kysely";

/**
 * One step of the schema, in statements that both engines understand after translation of the types: `text`, `int8`
 * (times in milliseconds, counters), `flag` (0 or 1, with its CHECK), `bytes`; `column ->> 'member'` of text that is JSON;
 * and `clustered` at the end of a table that is stored in the order of its key, where the engine can do that.
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

export interface MigrationOptions {
  /** The whole history, oldest first. */
  readonly migrations: readonly Migration[];
  readonly render: RenderDdl;
  /** Keeps other nodes from migrating, and from writing, until the end of the transaction; null: there are none. */
  readonly lock: string | null;
  readonly now: () => number;
}

/**
 * Brings the schema up to date: each migration that is missing runs in a transaction of its own, in the order given.
 * Several nodes may do so at once; one of them does it, the others wait.
 *
 * @returns the names of those that ran here
 * @throws {SchemaMismatch} when the database knows a migration that this program does not, or another text of one.
 */
export async function applyMigrations<DB>(database: Kysely<DB>, options: MigrationOptions): Promise<string[]> {
  const db = database as unknown as Kysely<MigrationTables>;
  await createMigrationTable(db, options.render);
  const missing = await missingMigrations(db, options.migrations);
  const applied: string[] = [];
  for (const migration of missing) {
    const ran = await db.transaction().execute((tx) => applyOne(tx, migration, options));
    if (ran) applied.push(migration.name);
  }
  return applied;
}

/**
 * The migrations that {@link applyMigrations} would run now.
 *
 * @throws {SchemaMismatch} as it would
 */
export async function missingMigrations<DB>(
  database: Kysely<DB>,
  migrations: readonly Migration[],
): Promise<readonly Migration[]> {
  const db = database as unknown as Kysely<MigrationTables>;
  if (!(await hasMigrationTable(db))) return migrations;
  const applied = await db.selectFrom("migration").select(["name", "digest"]).execute();
  refuseStrangers(applied, migrations);
  const known = new Set(applied.map((row) => row.name));
  return migrations.filter(({ name }) => !known.has(name));
}

/**
 * Makes the schema anew on an empty database, as it is after `migrations`, in a transaction of the caller's.
 */
export async function makeSchema<DB>(
  transaction: Transaction<DB>,
  migrations: readonly Migration[],
  { render, now }: Pick<MigrationOptions, "render" | "now">,
): Promise<void> {
  const tx = transaction as unknown as Transaction<MigrationTables>;
  await sql
    .raw(render("create table migration (name text primary key, digest text not null, applied_at int8 not null)"))
    .execute(tx);
  await addMigrations(transaction, migrations, { render, now });
}

/** Runs migrations in a transaction of the caller's, who knows that they are the next ones. */
export async function addMigrations<DB>(
  transaction: Transaction<DB>,
  migrations: readonly Migration[],
  { render, now }: Pick<MigrationOptions, "render" | "now">,
): Promise<void> {
  const tx = transaction as unknown as Transaction<MigrationTables>;
  for (const migration of migrations) await applyOne(tx, migration, { migrations, render, lock: null, now });
}

/** A migration as a database remembers it. */
export interface AppliedMigration {
  readonly name: string;
  readonly digest: string;
}

/** What was applied to a database; none when it has no schema. */
export async function appliedMigrations<DB>(database: Kysely<DB>): Promise<AppliedMigration[]> {
  const db = database as unknown as Kysely<MigrationTables>;
  if (!(await hasMigrationTable(db))) return [];
  return db.selectFrom("migration").select(["name", "digest"]).execute();
}

/**
 * Those of `migrations` that were applied, and those that were not, both in their order.
 *
 * @throws {SchemaMismatch} when something else was applied
 */
export function divideMigrations(
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
): { readonly applied: Migration[]; readonly missing: Migration[] } {
  refuseStrangers(applied, migrations);
  const known = new Set(applied.map(({ name }) => name));
  return {
    applied: migrations.filter(({ name }) => known.has(name)),
    missing: migrations.filter(({ name }) => !known.has(name)),
  };
}

/** The names of all tables that migrations make, also of those that later ones drop. */
export function tablesMadeBy(migrations: readonly Migration[]): string[] {
  const made = migrations.flatMap(({ statements }) =>
    statements.flatMap((statement) => {
      const name =
        /^\s*create table (?:if not exists )?(\w+)/i.exec(statement)?.[1] ??
        /^\s*alter table \w+ rename to (\w+)/i.exec(statement)?.[1];
      return name === undefined ? [] : [name];
    }),
  );
  return [...new Set(made)];
}

async function createMigrationTable(db: Kysely<MigrationTables>, render: RenderDdl): Promise<void> {
  const statement =
    "create table if not exists migration (name text primary key, digest text not null, applied_at int8 not null)";
  try {
    await sql.raw(render(statement)).execute(db);
  } catch (error) {
    // Two nodes at once: PostgreSQL tells the slower one of the rules of its own catalogue.
    if (!(await hasMigrationTable(db))) throw error;
  }
}

async function hasMigrationTable(db: Kysely<MigrationTables>): Promise<boolean> {
  const tables = await db.introspection.getTables();
  return tables.some(({ name }) => name === "migration");
}

/** False when another node was faster. */
async function applyOne(
  tx: Transaction<MigrationTables>,
  migration: Migration,
  { render, lock, now }: MigrationOptions,
): Promise<boolean> {
  if (lock !== null) await sql.raw(lock).execute(tx);
  const known = await tx.selectFrom("migration").select("name").where("name", "=", migration.name).executeTakeFirst();
  if (known !== undefined) return false;
  for (const statement of migration.statements) await sql.raw(render(statement)).execute(tx);
  await tx
    .insertInto("migration")
    .values({ name: migration.name, digest: digestOf(migration), applied_at: now() })
    .execute();
  return true;
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
        `The database was made by another build ("${name}" differs). Start the version that made it, or use another data directory or database.`,
      );
    }
  }
}

function digestOf(migration: Migration): string {
  return createHash("sha256").update(migration.statements.join(";\n")).digest("hex");
}
