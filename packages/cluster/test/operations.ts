import type { Access } from "../src/http/access.ts";

/** A JSON schema as far as these tests look into it. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly pattern?: string;
  readonly format?: string;
}

/** One operation of the OpenAPI document. */
export interface Operation {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly access: Access;
  readonly body: JsonSchema | undefined;
  /** Names of the parameters in its query. */
  readonly query: readonly string[];
  readonly pathParameters: readonly string[];
}

interface OpenApiOperation {
  readonly "x-postern-access": Access;
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: JsonSchema }>> };
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
}

interface OpenApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
}

/** Every operation that the cluster says it has. */
export async function readOperations(url: string): Promise<Operation[]> {
  const response = await fetch(`${url}/api/docs/openapi.json`);
  const document = (await response.json()) as OpenApiDocument;
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Operation => {
      const named = (place: string) => (operation.parameters ?? []).filter((parameter) => parameter.in === place);
      return {
        name: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path,
        access: operation["x-postern-access"],
        body: operation.requestBody?.content?.["application/json"]?.schema,
        query: named("query").map(({ name }) => name),
        pathParameters: named("path").map(({ name }) => name),
      };
    }),
  );
}

/** A UUID that names nothing. */
export const unknownId = "019a0000-0000-7000-8000-00000000dead";

/** The path with every parameter replaced. */
export function pathWith(operation: Operation, value: (parameter: string) => string): string {
  return operation.path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => encodeURIComponent(value(name)));
}

const sampleTexts = [
  "sample",
  "a long enough sentence",
  unknownId,
  "2030-01-01T00:00:00.000Z",
  "ABCD",
  "12",
  "A".repeat(43),
];

/** The smallest value that a schema takes; its optional members are left out. */
export function sampleOf(schema: JsonSchema): unknown {
  if ("const" in schema) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return schema.anyOf.some(({ type }) => type === "null") ? null : sampleOf(schema.anyOf[0] ?? {});
  switch ([schema.type].flat()[0]) {
    case "object":
      return Object.fromEntries(
        (schema.required ?? []).map((name) => [name, sampleOf(schema.properties?.[name] ?? {})]),
      );
    case "array":
      return Array.from({ length: schema.minItems ?? 0 }, () => sampleOf(schema.items ?? {}));
    case "integer":
    case "number":
      return schema.minimum ?? 1;
    case "boolean":
      return true;
    case "string":
      return sampleText(schema);
    default:
      return null;
  }
}

function sampleText({ pattern, format, minLength = 0, maxLength = 10_000 }: JsonSchema): string {
  const fits = (text: string) =>
    text.length >= minLength &&
    text.length <= maxLength &&
    (pattern === undefined || new RegExp(pattern, "u").test(text)) &&
    (format !== "date-time" || text.endsWith("Z"));
  const text = sampleTexts.find(fits);
  if (text === undefined) throw new Error(`No sample fits ${pattern ?? format ?? "the schema"}: add one.`);
  return text;
}

const misfits: readonly (readonly [type: string, value: unknown])[] = [
  ["number", 1.5],
  ["object", { unexpected: true }],
  ["array", [null]],
  ["string", "text"],
  ["boolean", true],
];

/** A value of a type that the schema does not take. */
export function misfitOf(schema: JsonSchema): unknown {
  const types = typesOf(schema);
  const misfit = misfits.find(([type]) => !types.has(type) && !(type === "number" && types.has("integer")));
  if (!misfit) throw new Error("The schema takes every type.");
  return misfit[1];
}

function typesOf(schema: JsonSchema): Set<string> {
  const types = [schema.type ?? []].flat();
  const values = [...(schema.enum ?? []), ...("const" in schema ? [schema.const] : [])];
  const inner = (schema.anyOf ?? []).flatMap((one) => [...typesOf(one)]);
  return new Set([...types, ...values.map((value) => typeof value), ...inner]);
}
