import { Type } from "typebox";
import { apiPagePolicy, type RolesWith, renderApiPage } from "./api-page.ts";
import type { ReadDocument } from "./openapi.ts";
import type { Server } from "./server.ts";

/** `/api/docs`: the API as a page for people, and `/api/docs/openapi.json`: the same for programs. */
export function apiPageRoutes(app: Server, readDocument: ReadDocument, rolesWith: RolesWith): void {
  const config = { access: { permission: "docs.read", scope: "public" } } as const;
  let page: string | undefined;

  app.get(
    "/api/docs/openapi.json",
    { config, schema: { hide: true, response: { 200: Type.Unsafe<object>({}) } } },
    async () => readDocument(),
  );

  app.get(
    "/api/docs",
    { config, schema: { hide: true, response: { 200: Type.String() } } },
    async (_request, reply) => {
      page ??= renderApiPage(readDocument(), rolesWith);
      return reply.type("text/html; charset=utf-8").header("content-security-policy", apiPagePolicy).send(page);
    },
  );
}
