import type { FastifyReply } from "fastify";
import { Type } from "typebox";
import { toRfc3339 } from "../clock.ts";
import { onPage } from "../db/keyset.ts";
import { containsText } from "../db/search-text.ts";
import { withinReach } from "../db/tenant-guard.ts";
import { accessOf, type Reach } from "../http/access.ts";
import { etagOf, requireMatch } from "../http/etag.ts";
import { originOf } from "../http/origin.ts";
import { listOf, listQuery, type PageRequest, pageRequest, toPage } from "../http/paging.ts";
import { Problem } from "../http/problems.ts";
import { closed, DisplayName, IdParams, Time, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import type { Db } from "../schema.ts";
import type { TenantTable } from "./tables.ts";
import { findTenant, type Tenants } from "./tenants.ts";

const Tenant = Type.Object({ id: Uuid, name: Type.String(), createdAt: Time, changedAt: Time });
const Body = closed({ name: DisplayName });
const Query = listQuery({ q: Type.Optional(Type.String({ maxLength: 200, description: "Part of the name" })) }, [
  "name",
  "createdAt",
]);
const sortColumns = { name: "name_search", createdAt: "created_at" } as const;
type SortField = keyof typeof sortColumns;

export function tenantRoutes(api: Server, reads: Db, tenants: Tenants): void {
  const tags = ["tenants"];
  const list = { access: { permission: "tenant.read", scope: "tenant" } } as const;
  const read = { access: { permission: "tenant.read", scope: "object" } } as const;
  const manage = { access: { permission: "tenant.manage", scope: "cluster" } } as const;

  api.post(
    "/tenants",
    { config: manage, schema: { tags, summary: "Make a tenant", body: Body, response: { 201: Tenant } } },
    async (request, reply) => {
      const tenant = await tenants.create(request.body.name, originOf(request));
      return send(reply.code(201), tenant);
    },
  );

  api.get(
    "/tenants",
    { config: list, schema: { tags, summary: "Tenants", querystring: Query, response: { 200: listOf(Tenant) } } },
    async (request) => {
      const page = pageRequest("tenants", request.query, "name");
      const rows = await selectTenants(reads, accessOf(request).reach(), request.query.q, page);
      return toPage(page, rows, (row) => ({ key: row[sortColumns[page.field]], id: row.id }), toTenant);
    },
  );

  api.get(
    "/tenants/:id",
    { config: read, schema: { tags, summary: "One tenant", params: IdParams, response: { 200: Tenant } } },
    async (request, reply) => {
      accessOf(request).requireTenant(request.params.id);
      const tenant = await findTenant(reads, request.params.id);
      if (tenant === undefined) throw new Problem("not_found");
      return send(reply, tenant);
    },
  );

  api.patch(
    "/tenants/:id",
    {
      config: manage,
      schema: { tags, summary: "Rename a tenant", params: IdParams, body: Body, response: { 200: Tenant } },
    },
    async (request, reply) => {
      const { params, body } = request;
      const tenant = await tenants.rename(params.id, body.name, originOf(request), (before) =>
        requireMatch(request, before.revision),
      );
      return send(reply, tenant);
    },
  );
}

async function selectTenants(
  reads: Db,
  reach: Reach,
  search: string | undefined,
  { field, direction, after, limit }: PageRequest<SortField>,
): Promise<TenantTable[]> {
  const key = sortColumns[field];
  let query = withinReach(reads.selectFrom("tenant").selectAll(), "id", reach);
  if (search !== undefined) query = query.where(containsText("name_search", search));
  return onPage(query, { key, id: "id" }, { direction, after, limit }).execute();
}

function send(reply: FastifyReply, row: TenantTable) {
  reply.header("etag", etagOf(row.revision));
  return toTenant(row);
}

function toTenant(row: TenantTable) {
  return { id: row.id, name: row.name, createdAt: toRfc3339(row.created_at), changedAt: toRfc3339(row.changed_at) };
}
