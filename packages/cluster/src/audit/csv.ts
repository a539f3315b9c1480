/**
 * One line of CSV (RFC 4180), every cell in quotation marks.
 *
 * A cell that a spreadsheet would take for a formula begins with an apostrophe, which shows it as text: host names and
 * reasons come from people who may want to make somebody else's spreadsheet run something.
 */
export function asCsvRow(cells: readonly unknown[]): string {
  return `${cells.map(asCell).join(",")}\r\n`;
}

/** What spreadsheets take for the beginning of a formula, in its half-width and full-width forms, also after blanks. */
const formulaStart = /^[\s\p{Cf}]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/u;

function asCell(value: unknown): string {
  if (value === null || value === undefined) return '""';
  const text = String(value);
  const isFormula = typeof value !== "number" && formulaStart.test(text);
  return `"${isFormula ? "'" : ""}${text.replaceAll('"', '""')}"`;
}
