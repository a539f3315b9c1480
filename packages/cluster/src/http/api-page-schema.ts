import type { JsonSchema } from "./examples.ts";
import { code, escapeHtml, prose } from "./html.ts";

/** The members of a schema as rows of a table, those of inner objects indented below the one that they belong to. */
export function schemaTable(schema: JsonSchema): string {
  const rows = rowsOf(schema, 0);
  if (rows.length === 0) return `<p class="type">${typeOf(schema)}${noteOf(schema)}</p>`;
  const lead = schema.type === "array" ? `<p class="type">${typeOf(schema)}</p>` : "";
  return `${lead}<table class="members"><thead><tr><th>Member</th><th>Type</th><th>Meaning</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

/** Deeper ones are shown by their type alone: no schema of the API has them, and a page must end. */
const maxDepth = 6;

function rowsOf(schema: JsonSchema, depth: number): string[] {
  const inner = objectIn(schema);
  if (inner === null || depth > maxDepth) return [];
  const required = new Set(inner.required ?? []);
  return Object.entries(inner.properties ?? {}).flatMap(([name, member]) => [
    `<tr><td class="d${depth}">${code(name)}${required.has(name) ? "" : ' <span class="optional">optional</span>'}</td>` +
      `<td>${typeOf(member)}</td><td>${noteOf(member)}</td></tr>`,
    ...rowsOf(member, depth + 1),
  ]);
}

/** The object that a schema is, or is a list of, or null. */
function objectIn(schema: JsonSchema): JsonSchema | null {
  if (schema.anyOf) return schema.anyOf.map(objectIn).find((one) => one !== null) ?? null;
  if (schema.type === "array") return objectIn(schema.items ?? {});
  return schema.properties === undefined ? null : schema;
}

/** A type in words: `string`, `list of object`, `string or null`. */
export function typeOf(schema: JsonSchema): string {
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeOf))].join(" or ");
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  if (schema.enum) return schema.enum.map((value) => code(String(value))).join(" · ");
  if (schema.type === "array") return `list of ${typeOf(schema.items ?? {})}`;
  if (schema.format === "date-time") return "time";
  if (schema.mustBe?.startsWith("a UUID") === true) return "UUID";
  return escapeHtml([schema.type ?? "anything"].flat().join(" or "));
}

/** What a value must be beyond its type, and what it means. */
export function noteOf(schema: JsonSchema): string {
  const bare = schema.anyOf?.find(({ type }) => type !== "null") ?? schema;
  const item = bare.type === "array" ? (bare.items ?? {}) : {};
  const notes = [
    schema.description ?? bare.description,
    boundsOf(bare.minimum, bare.maximum, ""),
    bare.format === undefined && bare.pattern === undefined
      ? boundsOf(bare.minLength, bare.maxLength, "characters")
      : undefined,
    boundsOf(bare.minItems, bare.maxItems, "of them"),
    wordsFor(bare.mustBe ?? item.mustBe),
    bare.default === undefined ? undefined : `Default: ${JSON.stringify(bare.default)}.`,
  ];
  return notes
    .filter((note) => note !== undefined && note !== "")
    .map((note) => prose(ended(String(note))))
    .join(" ");
}

function wordsFor(mustBe: string | undefined): string | undefined {
  return mustBe === undefined || mustBe.startsWith("a UUID") || mustBe.startsWith("a time")
    ? undefined
    : `It must be ${mustBe}.`;
}

function boundsOf(from: number | undefined, to: number | undefined, unit: string): string | undefined {
  const words = (text: string) => `${text} ${unit}`.trim();
  if (from !== undefined && to !== undefined) return `${words(`${from} to ${to}`)}.`;
  if (to !== undefined && to < 10_000) return `${words(`At most ${to}`)}.`;
  return from === undefined || from === 0 ? undefined : `${words(`At least ${from}`)}.`;
}

function ended(note: string): string {
  return /[.!?]$/.test(note) ? note : `${note}.`;
}
