/** What a benchmark prints, and writes with `--json`. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** Markdown with aligned columns: words to the left, figures to the right. */
export function formatTable({ columns, rows }: Table): string {
  const isFigure = columns.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === "number"));
  const cells = rows.map((row) => row.map((cell) => (typeof cell === "number" ? formatFigure(cell) : cell)));
  const widths = columns.map((name, i) => Math.max(3, name.length, ...cells.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => (isFigure[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0))).join(" | ")} |`;
  const rule = widths.map((width, i) => (isFigure[i] ? `${"-".repeat(width - 1)}:` : "-".repeat(width)));
  return [line(columns), line(rule), ...cells.map(line)].join("\n");
}

/** Three digits say all that a shared machine can. */
function formatFigure(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(value >= 10 ? 1 : 2);
}
