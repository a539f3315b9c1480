import { Type } from "typebox";
import { toRfc3339, toRfc3339OrNull } from "../clock.ts";
import { onPage } from "../db/keyset.ts";
import { originOf } from "../http/origin.ts";
import { listOf, listQuery, pageRequest, toPage } from "../http/paging.ts";
import { closed, DisplayName, IdParams, NoContent, nullable, Time, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import type { Db } from "../schema.ts";
import type { ApiKeys } from "./api-keys.ts";
import { identityLimits } from "./limits.ts";
import { principalOf } from "./principal.ts";
import type { RoleBinding } from "./roles.ts";
import { RoleBody } from "./schemas.ts";
import type { ApiKeyTable } from "./tables.ts";
import { requirePossibleBindings } from "./users.ts";

const dayMs = 24 * 60 * 60 * 1000;

const ApiKey = Type.Object({
  id: Uuid,
  name: Type.String(),
  roles: Type.Array(RoleBody),
  createdAt: Time,
  expiresAt: Time,
  usedAt: nullable(Time),
});

const MadeApiKey = Type.Object({ ...ApiKey.properties, key: Type.String({ description: "Shown this once" }) });

/** One's own API keys. */
export function apiKeyRoutes(api: Server, reads: Db, apiKeys: ApiKeys): void {
  const tags = ["api keys"];
  const self = (permission: string) => ({ access: { permission, scope: "self" } }) as const;

  api.post(
    "/api-keys",
    {
      config: self("api-key.create"),
      schema: {
        tags,
        summary: "Make an API key",
        body: closed({
          name: DisplayName,
          roles: Type.Array(RoleBody, { minItems: 1, maxItems: identityLimits.maxBindings }),
          validDays: Type.Optional(
            Type.Integer({
              minimum: 1,
              maximum: identityLimits.apiKeyMaxMs / dayMs,
              default: identityLimits.apiKeyDefaultMs / dayMs,
            }),
          ),
        }),
        response: { 201: MadeApiKey },
      },
    },
    async (request, reply) => {
      const { name, roles, validDays } = request.body;
      requirePossibleBindings(roles, "/roles");
      const validMs = validDays === undefined ? identityLimits.apiKeyDefaultMs : validDays * dayMs;
      const made = await apiKeys.create(principalOf(request), { name, bindings: roles, validMs }, originOf(request));
      return reply.code(201).send({ ...toApiKey(made.row), key: made.secret });
    },
  );

  api.get(
    "/api-keys",
    {
      config: self("api-key.read"),
      schema: {
        tags,
        summary: "One's own API keys",
        querystring: listQuery({}, ["createdAt"]),
        response: { 200: listOf(ApiKey) },
      },
    },
    async (request) => {
      const page = pageRequest("api-keys", request.query, "createdAt");
      const query = reads.selectFrom("api_key").selectAll().where("user_id", "=", principalOf(request).userId);
      const rows = await onPage(query, { key: "created_at", id: "id" }, page).execute();
      return toPage(page, rows, (row) => ({ key: row.created_at, id: row.id }), toApiKey);
    },
  );

  api.delete(
    "/api-keys/:id",
    {
      config: self("api-key.delete"),
      schema: { tags, summary: "End an API key", params: IdParams, response: { 204: NoContent } },
    },
    async (request, reply) => {
      await apiKeys.remove(principalOf(request), request.params.id, originOf(request));
      return reply.code(204).send(null);
    },
  );
}

function toApiKey(row: ApiKeyTable) {
  return {
    id: row.id,
    name: row.name,
    roles: JSON.parse(row.bindings) as RoleBinding[],
    createdAt: toRfc3339(row.created_at),
    expiresAt: toRfc3339(row.expires_at),
    usedAt: toRfc3339OrNull(row.used_at),
  };
}
