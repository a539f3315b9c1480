import { firstLink, linkOf } from "../audit/entry.ts";
import { divideMigrations, type Migration } from "../db/migration.ts";
import { type BackupManifest, BackupUnusable, openBackupFile, type TableLine } from "./backup-file.ts";
import type { KnownTable, Value } from "./read-tables.ts";
import { ruleOf } from "./table-rules.ts";

export interface CheckedBackup {
  readonly manifest: BackupManifest;
  readonly sha256: string;
  readonly rows: number;
  /**
   * Why the audit log in it does not hold, in a sentence; null: it does. The checksum says that the backup is what was
   * written, so the cluster's own log had this fault, or somebody made the file anew.
   */
  readonly auditFault: string | null;
}

/**
 * Reads a backup from its beginning to its end, and touches nothing: that it is whole and unchanged, that each table has as
 * many rows as it should, that this program can restore it, and whether the audit chains in it hold.
 *
 * @throws {BackupUnusable}
 * @throws {SchemaMismatch} another version made it
 */
export async function checkBackup(
  path: string,
  migrations: readonly Migration[],
  progress: (rows: number, of: number) => void = () => {},
): Promise<CheckedBackup> {
  const backup = await openBackupFile(path);
  const manifest = backup.unverifiedManifest;
  try {
    divideMigrations(migrations, manifest.migrations);
    const tables = new Map(manifest.tables.map((table) => [table.name, table]));
    const total = manifest.tables.reduce((sum, { rows }) => sum + rows, 0);
    const counts = new Map<string, number>();
    const chains = new ChainCheck();
    let rows = 0;
    for await (const line of backup.rows()) {
      const [name, ...row] = line;
      const table = tables.get(name);
      if (
        table === undefined ||
        ruleOf(name) === undefined ||
        row.length !== table.columns.length ||
        !row.every(isValue)
      ) {
        throw new BackupUnusable(path, `has a row that fits no table of it (${String(name)}). Use another one.`);
      }
      counts.set(name, (counts.get(name) ?? 0) + 1);
      chains.see(table, line);
      rows += 1;
      if (rows % 500 === 0) progress(rows, total);
    }
    const wrong = manifest.tables.find(({ name, rows: expected }) => (counts.get(name) ?? 0) !== expected);
    if (wrong !== undefined) {
      throw new BackupUnusable(path, `has ${counts.get(wrong.name) ?? 0} of ${wrong.rows} rows of ${wrong.name}.`);
    }
    return { manifest, sha256: backup.digest(), rows, auditFault: chains.faultAgainst(manifest) };
  } finally {
    await backup.close();
  }
}

/** Recomputes the audit chains in passing: their beginnings come before their entries, and these in their order. */
class ChainCheck {
  readonly #ends = new Map<string, { readonly seq: number; readonly hash: string }>();
  #fault: string | null = null;

  see(table: KnownTable, line: TableLine): void {
    if (table.name !== "audit_entry" && table.name !== "audit_pruned") return;
    const column = (name: string): Value => line[table.columns.indexOf(name) + 1] ?? null;
    const chain = String(column("chain"));
    const seq = Number(column("seq"));
    const hash = String(column("hash"));
    if (table.name === "audit_entry") {
      const before = this.#ends.get(chain) ?? { seq: 0, hash: firstLink };
      // Entries that retention has pruned and not yet removed stand before the chain's beginning.
      if (seq <= before.seq) return;
      if (seq !== before.seq + 1 || hash !== linkOf(before.hash, String(column("body")))) {
        this.#fault ??= `Entry ${seq} of the chain ${chain} does not follow the one before it.`;
      }
    }
    this.#ends.set(chain, { seq, hash });
  }

  /** What is wrong with the chains, in a sentence; null: nothing. */
  faultAgainst({ auditHeads }: BackupManifest): string | null {
    const astray = auditHeads.find(({ chain, seq, hash }) => {
      const end = this.#ends.get(chain);
      return end?.seq !== seq || end.hash !== hash;
    });
    if (astray !== undefined) this.#fault ??= `The chain ${astray.chain} does not end at its head.`;
    return this.#fault;
  }
}

function isValue(value: unknown): value is Value {
  if (value === null || typeof value === "string" || typeof value === "number") return true;
  return typeof value === "object" && "bytes" in value && typeof value.bytes === "string";
}
