import type { Access } from "./access.ts";
import { exampleOf, type JsonSchema } from "./examples.ts";
import { type ProblemCode, problems } from "./problems.ts";
import { ProblemSchema } from "./schema.ts";

interface Content {
  readonly schema?: JsonSchema | { readonly $ref: string };
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}

interface ApiResponse {
  readonly description: string;
  readonly content?: Readonly<Record<string, Content>>;
}

export interface ApiParameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: JsonSchema;
  readonly example?: unknown;
}

export interface ApiOperation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly ApiParameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Readonly<Record<string, Content>> };
  readonly responses: Readonly<Record<string, ApiResponse>>;
  readonly "x-postern-access"?: Access;
  /** The codes of the errors that it may be answered with. */
  readonly "x-postern-errors": readonly ProblemCode[];
}

/** An OpenAPI 3.1 document, as far as it is made and read here. */
export interface ApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly components?: object & { readonly schemas?: object };
  readonly paths: Readonly<Record<string, Readonly<Record<string, ApiOperation>>>>;
}

/** Gives each operation its id, an example of each request and answer, and an answer for each status of its errors. */
export function completeDocument(document: ApiDocument): ApiDocument {
  const paths = Object.entries(document.paths).map(([path, methods]) => {
    const operations = Object.entries(methods).map(([method, operation]) => [
      method,
      completeOperation(idOf(method, path), operation),
    ]);
    return [path, Object.fromEntries(operations)];
  });
  const schemas = { ...document.components?.schemas, Problem: ProblemSchema };
  return { ...document, components: { ...document.components, schemas }, paths: Object.fromEntries(paths) };
}

/** The anchor of an operation on the page, and its name for generators: `get-agents-id`. */
function idOf(method: string, path: string): string {
  const words = path.replace(/^\/api\/v1/, "").match(/[A-Za-z0-9]+/g) ?? [];
  return [method, ...words].join("-");
}

function completeOperation(operationId: string, operation: ApiOperation): ApiOperation {
  const { requestBody, responses, parameters } = operation;
  const answers = Object.entries(responses).map(([status, response]) => [status, completeAnswer(status, response)]);
  return {
    ...operation,
    operationId,
    ...(parameters && { parameters: parameters.map(withExample) }),
    ...(requestBody && { requestBody: { ...requestBody, content: withExamples(requestBody.content) } }),
    responses: { ...Object.fromEntries(answers), ...errorAnswers(operation["x-postern-errors"]), default: anyError },
  };
}

function withExample(parameter: ApiParameter): ApiParameter {
  return { ...parameter, example: exampleOf(parameter.schema ?? {}, parameter.name) };
}

function completeAnswer(status: string, { content, ...response }: ApiResponse): ApiResponse {
  if (status === "204" || content === undefined) return response;
  const description = response.description === "Default Response" ? "Done." : response.description;
  return { ...response, description, content: withExamples(content) };
}

function withExamples(content: Readonly<Record<string, Content>>): Record<string, Content> {
  const completed = Object.entries(content).map(([type, { schema, example, examples, ...rest }]) => {
    const given = example ?? Object.values(examples ?? {})[0]?.value;
    return [type, { schema, ...rest, example: given ?? exampleOf((schema ?? {}) as JsonSchema) }];
  });
  return Object.fromEntries(completed);
}

const problemSchema = { $ref: "#/components/schemas/Problem" };

/** An error that has to do with no operation: see `anywhere`. */
const anyError: ApiResponse = {
  description: "An error that any request may be answered with (RFC 9457).",
  content: { "application/problem+json": { schema: problemSchema } },
};

/** One answer for each status, with an example for each code that it may have. */
function errorAnswers(codes: readonly ProblemCode[]): Record<string, ApiResponse> {
  const byStatus = Map.groupBy(codes, (code) => problems[code][0]);
  return Object.fromEntries(
    [...byStatus].map(([status, some]) => [
      status,
      {
        description: some.map((code) => `\`${code}\`: ${problems[code][1]}.`).join(" "),
        content: {
          "application/problem+json": {
            schema: problemSchema,
            examples: Object.fromEntries(some.map((code) => [code, { value: exampleProblem(code) }])),
          },
        },
      },
    ]),
  );
}

function exampleProblem(code: ProblemCode): object {
  const [status, title, detail] = problems[code];
  return {
    type: `urn:postern:problem:${code}`,
    title,
    status,
    detail,
    code,
    requestId: "01a20cba-5d10-7c2e-9b41-000004e90e57",
  };
}
