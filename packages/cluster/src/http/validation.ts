import type { FastifyInstance, FastifySchemaCompiler, RouteOptions } from "fastify";
import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";
import type { TLocalizedValidationError } from "typebox/error";
import { Value } from "typebox/value";
import type { ProblemError } from "./problems.ts";
import { Problem } from "./problems.ts";
import { findOpenObject } from "./schema.ts";

/**
 * Checks requests against their schemas. Values of a path or query arrive as text and are converted first; a body is
 * taken as it is: `"5"` is not 5.
 */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const validator = Compile(schema);
  return (value: unknown) => {
    const converted = httpPart === "body" ? value : Value.Convert(schema, value);
    if (validator.Check(converted)) return { value: converted };
    return {
      error: new Problem("validation_failed", undefined, { errors: toErrors(schema, validator.Errors(converted)) }),
    };
  };
};

/** Refuses to start with a route whose request would let unknown members pass, or whose answer has no schema. */
export function enforceSchemas(app: FastifyInstance): void {
  app.addHook("onRoute", (route: RouteOptions) => {
    const name = `${route.method} ${route.url}`;
    for (const part of ["body", "querystring", "params", "headers"] as const) {
      const open = findOpenObject(route.schema?.[part]);
      if (open !== null && part !== "headers") throw new Error(`${name}: the ${part} is open at ${open}.`);
    }
    const takesBody = ["POST", "PUT", "PATCH"].includes(String(route.method));
    if (takesBody && route.schema?.body === undefined) throw new Error(`${name} has no schema for its body.`);
    if (route.url.includes(":") && route.schema?.params === undefined)
      throw new Error(`${name} has no schema for its path.`);
    if (route.schema?.querystring === undefined && !takesBody) {
      route.schema = { ...route.schema, querystring: { type: "object", properties: {}, additionalProperties: false } };
    }
    const statuses = Object.keys((route.schema?.response as object | undefined) ?? {});
    if (!statuses.some((status) => /^[23]/.test(status))) throw new Error(`${name} has no schema for its answer.`);
  });
}

function toErrors(schema: TSchema, errors: readonly TLocalizedValidationError[]): ProblemError[] {
  return errors
    .filter((error) => !isAboutNull(error, errors))
    .flatMap((error): ProblemError[] => {
      if (error.keyword === "additionalProperties") {
        return error.params.additionalProperties.map((name) => ({
          pointer: `${error.instancePath}/${escapePointer(name)}`,
          code: "unknown_member",
          detail: "The API knows no such member.",
        }));
      }
      if (error.keyword === "required") {
        return error.params.requiredProperties.map((name) => ({
          pointer: `${error.instancePath}/${escapePointer(name)}`,
          code: "required",
          detail: "This member is missing.",
        }));
      }
      if (error.keyword === "boolean" || error.keyword === "const") return []; // said by the keyword around it
      return [{ pointer: error.instancePath, code: toCode(error.keyword), detail: detailOf(schema, error) }];
    });
}

/** Of what may also be null, it is said what is wrong with the value, and not that it is no null. */
function isAboutNull(
  { keyword, instancePath, params }: TLocalizedValidationError,
  all: readonly TLocalizedValidationError[],
) {
  const isNullOf = (error: TLocalizedValidationError) =>
    error.instancePath === instancePath && error.keyword === "type" && error.params.type === "null";
  return all.some(isNullOf) && (keyword === "anyOf" || (keyword === "type" && params.type === "null"));
}

/** What a pattern or a format asks for is said in words where the schema has them, as its member `mustBe`. */
function detailOf(schema: TSchema, error: TLocalizedValidationError): string {
  if (error.keyword === "pattern" || error.keyword === "format") {
    const { mustBe } = (Value.Pointer.Get(schema, error.schemaPath.slice(1)) ?? {}) as { mustBe?: string };
    if (mustBe !== undefined) return `It must be ${mustBe}.`;
  }
  if (error.keyword === "enum") return `It must be one of ${error.params.allowedValues.map(String).join(", ")}.`;
  return `It ${error.message}.`;
}

function toCode(keyword: string): string {
  return keyword.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function escapePointer(name: string): string {
  return name.slice(0, 100).replaceAll("~", "~0").replaceAll("/", "~1");
}
