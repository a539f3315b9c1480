import swagger from "@fastify/swagger";
import type { FastifySchema } from "fastify";
import { Type } from "typebox";
import { ProblemSchema } from "./schema.ts";
import type { Server } from "./server.ts";

/** Collects the routes registered after it into the OpenAPI 3.1 document at `/api/docs/openapi.json`. */
export async function openApi(app: Server, version: string): Promise<void> {
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
      const described: FastifySchema & { "x-postern-access"?: unknown } = {
        ...schema,
        "x-postern-access": access,
        security: open ? [] : [{ session: [] }, { apiKey: [] }],
        response: {
          ...(schema?.response as object | undefined),
          default: {
            description: "An error (RFC 9457).",
            content: { "application/problem+json": { schema: ProblemSchema } },
          },
        },
      };
      return { schema: described, url };
    },
  });
  app.after(() => {
    app.get(
      "/api/docs/openapi.json",
      {
        config: { access: { permission: "docs.read", scope: "public" } },
        schema: { hide: true, response: { 200: Type.Unsafe<object>({}) } },
      },
      async () => app.swagger(),
    );
  });
}
