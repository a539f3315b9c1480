/**
 * Characters that make a terminal do something instead of showing something: C0 and C1 controls, and the marks that
 * turn the direction of writing. Host names come from workloads, whose administrators can make them say anything.
 */
const commanding = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

/** Text of somebody else on one line of a terminal, with nothing in it that a terminal obeys. */
export function visible(text: string): string {
  return text.replace(commanding, escaped);
}

/** JSON for programs, indented for people; the same data, whatever a terminal makes of it. */
export function asJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2).replace(commanding, (c) => (c === "\n" ? c : escaped(c)))}\n`;
}

/** A column of a table: its heading, and what it shows of a row. */
export interface Column<Row> {
  readonly heading: string;
  readonly value: (row: Row) => string | undefined;
}

/** Rows under headings, in columns as wide as they need to be; what is not known shows as `-`. */
export function asTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const lines = [
    columns.map((column) => column.heading),
    ...rows.map((row) => columns.map((column) => visible(column.value(row) || "-"))),
  ];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  return lines.map((line) => `${padded(line, widths).trimEnd()}\n`).join("");
}

/** One thing, a line for each of its members that is known. */
export function asDetail(members: readonly (readonly [name: string, value: string | undefined])[]): string {
  const known = members.filter(([, value]) => value !== undefined);
  const width = Math.max(...known.map(([name]) => name.length));
  return known.map(([name, value]) => `${name.padEnd(width)}  ${visible(value ?? "")}\n`).join("");
}

function padded(cells: readonly string[], widths: readonly number[]): string {
  return cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join("  ");
}
