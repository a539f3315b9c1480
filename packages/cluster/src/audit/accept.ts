import { type ExportFormat, exportTypes } from "./export.ts";

const formatOfType: ReadonlyMap<string, ExportFormat> = new Map([
  ...(Object.entries(exportTypes) as [ExportFormat, string][]).map(([format, type]) => [typeOf(type), format] as const),
  ["application/x-ndjson", "jsonl"],
]);

/**
 * The form that an `Accept` header (RFC 9110 §12.5.1) likes best: an export, or null for a page of the list, which is also
 * what whoever takes anything gets.
 */
export function acceptedExport(accept: string | undefined): ExportFormat | null {
  let best = { quality: 0, format: null as ExportFormat | null };
  for (const range of (accept ?? "").split(",")) {
    const type = typeOf(range);
    const format = formatOfType.get(type) ?? null;
    const isList = ["application/json", "application/*", "*/*"].includes(type);
    if (format === null && !isList) continue;
    const quality = Number(/;\s*q=([\d.]+)/i.exec(range)?.[1] ?? "1");
    if (quality > best.quality) best = { quality, format };
  }
  return best.format;
}

function typeOf(range: string): string {
  return (range.split(";", 1)[0] ?? "").trim().toLowerCase();
}
