import { type Static, type TObjectOptions, type TProperties, type TSchema, Type } from "typebox";
import { problems } from "./problems.ts";

/** An object that refuses members it does not know. Every object of a request must be made with it. */
export function closed<const Properties extends TProperties>(properties: Properties, options: TObjectOptions = {}) {
  return Type.Object(properties, { ...options, additionalProperties: false as const });
}

/** One of a few words. */
export function oneOf<const Words extends readonly string[]>(words: Words, options: object = {}) {
  return Type.Unsafe<Words[number]>({ type: "string", enum: words, ...options });
}

export function nullable<Schema extends TSchema>(schema: Schema) {
  return Type.Union([schema, Type.Null()]);
}

/** A UUID in lower case, the only form in which ids are given out. */
export const Uuid = Type.String({
  pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
  maxLength: 36,
  mustBe: "a UUID in lower case",
});

/** RFC 3339, UTC, milliseconds. */
export const Time = Type.String({
  format: "date-time",
  maxLength: 35,
  mustBe: "a time like 2026-11-24T08:00:00.000Z",
});

/** A name for people: something visible, no control characters, no blanks at its ends. */
export const DisplayName = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: "^[^\\s\\p{C}](?:[^\\p{C}]*[^\\s\\p{C}])?$",
  mustBe: "something visible, without control characters and without blanks at its ends",
});

export const IdParams = closed({ id: Uuid });

export const NoContent = Type.Null({ description: "Done." });

export const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: oneOf(Object.keys(problems)),
    requestId: Type.String(),
    errors: Type.Optional(
      Type.Array(Type.Object({ pointer: Type.String(), code: Type.String(), detail: Type.String() })),
    ),
  },
  { description: "An error (RFC 9457)." },
);

export type { Static };

/**
 * Says where a schema of a request would let unknown members pass, or nothing.
 *
 * @returns the place of the first open object as a JSON pointer, or null
 */
export function findOpenObject(schema: unknown, pointer = ""): string | null {
  if (typeof schema !== "object" || schema === null) return null;
  const node = schema as Record<string, unknown>;
  const isObjectSchema = node["type"] === "object" || "properties" in node;
  if (isObjectSchema && node["additionalProperties"] === undefined && !("patternProperties" in node)) {
    return pointer === "" ? "/" : pointer;
  }
  for (const [name, child] of Object.entries(node)) {
    const open = findOpenObject(child, `${pointer}/${name}`);
    if (open !== null) return open;
  }
  return null;
}
