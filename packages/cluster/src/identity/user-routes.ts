import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { toRfc3339 } from "../clock.ts";
import { onPage } from "../db/keyset.ts";
import { containsText } from "../db/search-text.ts";
import { accessOf, type Reach } from "../http/access.ts";
import { etagOf, requireMatch } from "../http/etag.ts";
import { originOf } from "../http/origin.ts";
import { listOf, listQuery, type PageRequest, pageRequest, toPage } from "../http/paging.ts";
import { Problem } from "../http/problems.ts";
import { closed, DisplayName, IdParams, NoContent, nullable, oneOf, Time, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import type { Db } from "../schema.ts";
import { bindingsOf } from "./bindings.ts";
import { isWithin } from "./permissions.ts";
import { principalOf } from "./principal.ts";
import { roles } from "./roles.ts";
import { LoginBy, loginBy, Password, RoleBody, RoleList } from "./schemas.ts";
import type { UserTable } from "./tables.ts";
import { findUser, hasPassword, type Manager, requirePossibleBindings, type User, type Users } from "./users.ts";

const RoleBinding = Type.Object({ id: Uuid, role: oneOf(roles), tenantId: nullable(Uuid) });

const UserBody = Type.Object({
  id: Uuid,
  name: Type.String(),
  disabled: Type.Boolean(),
  loginBy: LoginBy,
  roles: Type.Array(RoleBinding, { description: "Those within the sender's reach" }),
  createdAt: Time,
  changedAt: Time,
});

const Query = listQuery({ q: Type.Optional(Type.String({ maxLength: 200, description: "Part of the name" })) }, [
  "name",
  "createdAt",
]);
const sortColumns = { name: "name_search", createdAt: "created_at" } as const;

export function userRoutes(api: Server, reads: Db, users: Users): void {
  const tags = ["users"];
  const list = { access: { permission: "user.read", scope: "tenant" } } as const;
  const read = { access: { permission: "user.read", scope: "object" } } as const;
  const create = { access: { permission: "user.manage", scope: "tenant" } } as const;
  const manage = { access: { permission: "user.manage", scope: "object" } } as const;

  api.post(
    "/users",
    {
      config: create,
      schema: {
        tags,
        summary: "Make a user",
        body: closed({ name: DisplayName, password: Password, roles: RoleList }),
        response: { 201: UserBody },
      },
    },
    async (request, reply) => {
      const { name, password, roles: bindings } = request.body;
      requirePossibleBindings(bindings, "/roles");
      const reach = accessOf(request).reach();
      return send(reply.code(201), await users.create(managerOf(request), name, password, bindings), reach);
    },
  );

  api.get(
    "/users",
    { config: list, schema: { tags, summary: "Users", querystring: Query, response: { 200: listOf(UserBody) } } },
    async (request) => {
      const page = pageRequest("users", request.query, "name");
      const reach = accessOf(request).reach();
      const rows = await selectUsers(reads, reach, request.query.q, page);
      const bindings = await bindingsOf(
        reads,
        rows.map((row) => row.id),
      );
      return toPage(
        page,
        rows,
        (row) => ({ key: row[sortColumns[page.field]], id: row.id }),
        (row) => toUser({ row, bindings: bindings.get(row.id) ?? [] }, reach),
      );
    },
  );

  api.get(
    "/users/:id",
    { config: read, schema: { tags, summary: "One user", params: IdParams, response: { 200: UserBody } } },
    async (request, reply) => {
      const reach = accessOf(request).reach();
      const user = await findUser(reads, request.params.id);
      if (user === undefined) throw new Problem("not_found");
      requireWithin(user, reach);
      return send(reply, user, reach);
    },
  );

  api.patch(
    "/users/:id",
    {
      config: manage,
      schema: {
        tags,
        summary: "Set a user's password, or lock the user out",
        params: IdParams,
        body: closed({ password: Type.Optional(Password), disabled: Type.Optional(Type.Boolean()) }),
        response: { 200: UserBody },
      },
    },
    async (request, reply) => {
      const reach = accessOf(request).reach();
      const user = await users.change(managerOf(request), request.params.id, request.body, mayChange(request, reach));
      return send(reply, user, reach);
    },
  );

  api.delete(
    "/users/:id",
    { config: manage, schema: { tags, summary: "Delete a user", params: IdParams, response: { 204: NoContent } } },
    async (request, reply) => {
      const reach = accessOf(request).reach();
      await users.remove(managerOf(request), request.params.id, mayChange(request, reach));
      return reply.code(204).send(null);
    },
  );

  api.delete(
    "/users/:id/sessions",
    {
      config: manage,
      schema: { tags, summary: "End all sessions of a user", params: IdParams, response: { 204: NoContent } },
    },
    async (request, reply) => {
      const reach = accessOf(request).reach();
      await users.endSessions(managerOf(request), request.params.id, mayChange(request, reach));
      return reply.code(204).send(null);
    },
  );

  api.post(
    "/users/:id/roles",
    {
      config: manage,
      schema: { tags, summary: "Give a user a role", params: IdParams, body: RoleBody, response: { 201: UserBody } },
    },
    async (request, reply) => {
      requirePossibleBindings([request.body], "");
      const reach = accessOf(request).reach();
      const user = await users.grant(managerOf(request), request.params.id, request.body, mayChange(request, reach));
      return send(reply.code(201), user, reach);
    },
  );

  api.delete(
    "/users/:id/roles/:bindingId",
    {
      config: manage,
      schema: {
        tags,
        summary: "Take a role from a user",
        params: closed({ id: Uuid, bindingId: Uuid }),
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      const reach = accessOf(request).reach();
      const { id, bindingId } = request.params;
      await users.revoke(managerOf(request), id, bindingId, mayChange(request, reach));
      return reply.code(204).send(null);
    },
  );
}

function managerOf(request: FastifyRequest): Manager {
  return { bindings: principalOf(request).bindings, origin: originOf(request) };
}

function mayChange(request: FastifyRequest, reach: Reach): (user: User) => void {
  return (user) => {
    requireWithin(user, reach);
    requireMatch(request, user.row.revision);
  };
}

/** Whoever has no role within reach looks like nobody. */
function requireWithin(user: User, reach: Reach): void {
  if (reach === "everywhere") return;
  if (!user.bindings.some((binding) => isWithin(reach, binding.tenant_id))) throw new Problem("not_found");
}

async function selectUsers(
  reads: Db,
  reach: Reach,
  search: string | undefined,
  { field, direction, after, limit }: PageRequest<keyof typeof sortColumns>,
): Promise<UserTable[]> {
  const key = sortColumns[field];
  let query = reads.selectFrom("user_account").selectAll();
  if (reach !== "everywhere") {
    const there = reads
      .selectFrom("role_binding")
      .select("user_id")
      .where("tenant_id", "in", [...reach]);
    query = query.where("id", "in", there);
  }
  if (search !== undefined) query = query.where(containsText("name_search", search));
  return onPage(query, { key, id: "id" }, { direction, after, limit }).execute();
}

function send(reply: FastifyReply, user: User, reach: Reach) {
  reply.header("etag", etagOf(user.row.revision));
  return toUser(user, reach);
}

function toUser({ row, bindings }: User, reach: Reach) {
  return {
    id: row.id,
    name: row.name,
    disabled: row.disabled === 1,
    loginBy: loginBy(hasPassword(row)),
    roles: bindings
      .filter((binding) => isWithin(reach, binding.tenant_id))
      .map((binding) => ({ id: binding.id, role: binding.role, tenantId: binding.tenant_id })),
    createdAt: toRfc3339(row.created_at),
    changedAt: toRfc3339(row.changed_at),
  };
}
