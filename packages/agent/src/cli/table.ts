/** Two columns, a line for each thing. */
export function lines(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join("");
}

/** Unix ms as RFC 3339 in UTC, whole seconds. */
export function second(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -5)}Z`;
}
