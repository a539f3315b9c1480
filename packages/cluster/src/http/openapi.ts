import swagger from "@fastify/swagger";
import type { FastifySchema } from "fastify";
import { type ApiDocument, completeDocument } from "./api-document.ts";
import { codesOf, type OperationErrors } from "./operation-codes.ts";
import type { Server } from "./server.ts";

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
      const query = schema?.querystring as { properties?: object } | undefined;
      const described: FastifySchema & Record<`x-${string}`, unknown> = {
        ...schema,
        "x-postern-access": access,
        "x-postern-errors": codesOf(
          {
            method: String(route.method),
            url,
            access,
            revealsToken: route.config?.revealsToken === true,
            hasBody: schema?.body !== undefined,
            hasPath: schema?.params !== undefined,
            hasCursor: Object.hasOwn(query?.properties ?? {}, "cursor"),
          },
          errors,
        ),
        security: open ? [] : [{ session: [] }, { apiKey: [] }],
      };
      return { schema: described, url };
    },
  });
  let document: ApiDocument | undefined;
  return () => {
    document ??= completeDocument(app.swagger() as unknown as ApiDocument);
    return document;
  };
}
