import swagger from "@fastify/swagger";
import type { FastifySchema } from "fastify";
import { type ApiDocument, completeDocument } from "./api-document.ts";
import { codesOf, type OperationErrors } from "./operation-codes.ts";
import type { ProblemCode } from "./problems.ts";
import type { Server } from "./server.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The errors that the route may be answered with, beside those that any may; filled in when it is registered. */
    errors?: readonly ProblemCode[];
  }
}

/** What the document says beyond what the routes themselves declare. */
export interface Documentation {
  readonly version: string;
  readonly errors: OperationErrors;
}

/** Gives the OpenAPI 3.1 document of all routes; the server must be ready. */
export type ReadDocument = () => ApiDocument;

/** Collects the routes registered after it into the OpenAPI 3.1 document. */
export async function openApi(app: Server, { version, errors }: Documentation): Promise<ReadDocument> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Postern", version, description: "Service protection for agents on Windows workloads." },
      components: {
        securitySchemes: {
          session: {
            type: "apiKey",
            in: "cookie",
            name: "__Host-pst",
            description: "On loopback HTTP the cookie is named pst.",
          },
          apiKey: { type: "http", scheme: "bearer" },
        },
      },
    },
    transform: ({ schema, url, route }) => {
      const access = route.config?.access;
      const open = access?.scope === "public" || access?.scope === "agent";
      const described: FastifySchema & Record<`x-${string}`, unknown> = {
        ...schema,
        "x-postern-access": access,
        "x-postern-errors": route.config?.errors,
        security: open ? [] : [{ session: [] }, { apiKey: [] }],
      };
      return { schema: described, url };
    },
  });
  app.addHook("onRoute", (route) => {
    const { url, method, config, schema } = route;
    const query = schema?.querystring as { properties?: object } | undefined;
    const described = {
      method: String(method),
      url,
      access: config?.access,
      revealsToken: config?.revealsToken === true,
      hasBody: schema?.body !== undefined,
      hasPath: schema?.params !== undefined,
      hasCursor: Object.hasOwn(query?.properties ?? {}, "cursor"),
    };
    if (schema?.hide !== true) route.config = { ...config, errors: codesOf(described, errors) };
  });
  let document: ApiDocument | undefined;
  return () => {
    document ??= completeDocument(app.swagger() as unknown as ApiDocument);
    return document;
  };
}
