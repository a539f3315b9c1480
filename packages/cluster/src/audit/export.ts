import { dbLimits } from "../db/limits.ts";
import type { Reach } from "../http/access.ts";
import type { Db } from "../schema.ts";
import { asCsvRow } from "./csv.ts";
import { type AuditBody, tenantOf } from "./entry.ts";
import { type AuditFilter, whereFiltered } from "./filters.ts";
import type { AuditEntryTable } from "./tables.ts";

export type ExportFormat = "jsonl" | "csv";

export const exportTypes: Readonly<Record<ExportFormat, string>> = {
  jsonl: "application/jsonl; charset=utf-8",
  csv: "text/csv; charset=utf-8; header=present",
};

/**
 * The entries that the filters name, chain by chain in the order in which they were written, as text in pieces: never more
 * of it in memory than one page.
 */
export async function* exportEntries(
  db: Db,
  format: ExportFormat,
  reach: Reach,
  filter: AuditFilter,
): AsyncGenerator<string, void> {
  if (format === "csv") yield asCsvRow(csvColumns.map(([heading]) => heading));
  const lineOf = format === "csv" ? toCsvRow : toJsonLine;
  let after = { chain: "", seq: 0 };
  for (;;) {
    const page = await whereFiltered(db.selectFrom("audit_entry").selectAll(), reach, filter)
      .where((row) =>
        row.or([row("chain", ">", after.chain), row.and([row("chain", "=", after.chain), row("seq", ">", after.seq)])]),
      )
      .orderBy("chain")
      .orderBy("seq")
      .limit(dbLimits.maxRowsPerStatement)
      .execute();
    if (page.length > 0) yield page.map(lineOf).join("");
    const last = page.at(-1);
    if (last === undefined || page.length < dbLimits.maxRowsPerStatement) return;
    after = last;
  }
}

/**
 * One entry on one line: `{"hash":"…","entry":…}`, where what stands between `"entry":` and the last `}` is the stored body,
 * byte for byte: what the hash covers. A body that is no JSON on one line was altered; it comes as text in `unreadable`.
 */
export function toJsonLine({ hash, body }: Pick<AuditEntryTable, "hash" | "body">): string {
  const member = isJsonLine(body) ? `"entry":${body}` : `"unreadable":${JSON.stringify(body)}`;
  return `{"hash":${JSON.stringify(hash)},${member}}\n`;
}

function isJsonLine(body: string): boolean {
  return !/[\r\n]/.test(body) && parsed(body) !== null;
}

type CsvColumn = readonly [heading: string, value: (row: AuditEntryTable, body: Partial<AuditBody>) => unknown];

const csvColumns: readonly CsvColumn[] = [
  ["at", ({ at }) => new Date(at).toISOString()],
  ["tenantId", ({ chain }) => tenantOf(chain)],
  ["seq", ({ seq }) => seq],
  ["whoKind", (_, { who }) => who?.kind],
  ["whoId", ({ who_id }) => who_id],
  ["whoName", (_, { who }) => who?.name],
  ["action", ({ action }) => action],
  ["outcome", ({ outcome }) => outcome],
  ["targetKind", ({ target_kind }) => target_kind],
  ["targetId", ({ target_id }) => target_id],
  ["targetName", (_, { target }) => target?.name],
  ["fromAddress", (_, { from }) => from?.address],
  ["requestId", (_, { from }) => from?.requestId],
  ["why", (_, { why }) => why],
  ["details", (_, { details }) => details && JSON.stringify(details)],
  ["id", ({ id }) => id],
  ["hash", ({ hash }) => hash],
];

function toCsvRow(row: AuditEntryTable): string {
  const body = parsed(row.body) ?? {};
  return asCsvRow(csvColumns.map(([, value]) => value(row, body)));
}

function parsed(text: string): Partial<AuditBody> | null {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" ? (body as Partial<AuditBody> | null) : null;
  } catch {
    return null;
  }
}
