import { Readable } from "node:stream";
import { Type } from "typebox";
import { toRfc3339 } from "../clock.ts";
import { onPage } from "../db/keyset.ts";
import { accessOf, type Reach } from "../http/access.ts";
import { listOf, listQuery, type PageRequest, pageRequest, toPage } from "../http/paging.ts";
import { Problem } from "../http/problems.ts";
import { nullable, oneOf, type Static, Time, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import type { Db } from "../schema.ts";
import { acceptedExport } from "./accept.ts";
import { type AuditBody, auditOutcomes, tenantOf } from "./entry.ts";
import { exportEntries, exportTypes } from "./export.ts";
import { type AuditFilter, auditFilters, whereFiltered } from "./filters.ts";
import type { AuditEntryTable } from "./tables.ts";

const Entry = Type.Object({
  id: Uuid,
  tenantId: nullable(Uuid),
  seq: Type.Integer(),
  at: Time,
  action: Type.String(),
  outcome: oneOf(auditOutcomes),
  who: Type.Object({ kind: Type.String(), id: nullable(Type.String()), name: Type.String() }),
  from: Type.Object({ address: nullable(Type.String()), requestId: nullable(Type.String()) }),
  target: nullable(
    Type.Object({ kind: Type.String(), id: nullable(Type.String()), name: Type.Optional(Type.String()) }),
  ),
  why: nullable(Type.String()),
  details: Type.Record(Type.String(), Type.Unknown()),
  hash: Type.String(),
});

const Query = listQuery(
  {
    ...auditFilters,
    format: Type.Optional(
      oneOf(["json", "jsonl", "csv"], {
        description:
          "jsonl and csv export everything that the filters name, as a stream, in the order of the chains; " +
          "so does an Accept header with application/jsonl or text/csv.",
      }),
    ),
  },
  ["at"],
);

export function auditRoutes(api: Server, reads: Db): void {
  api.get(
    "/audit",
    {
      config: { access: { permission: "audit.read", scope: "tenant" } },
      schema: { tags: ["audit"], summary: "The audit log", querystring: Query, response: { 200: listOf(Entry) } },
    },
    async (request, reply) => {
      const { format: asked, ...query } = request.query;
      const access = accessOf(request);
      if (query.tenantId !== undefined) access.requireTenant(query.tenantId);
      const format = asked ?? acceptedExport(request.headers.accept) ?? "json";
      reply.header("vary", "accept");
      if (format !== "json") {
        const filter = requireWhole(query);
        const stream = Readable.from(exportEntries(reads, format, access.reach(), filter));
        return reply
          .type(exportTypes[format])
          .header("content-disposition", `attachment; filename="audit.${format}"`)
          .send(stream as never);
      }
      const page = pageRequest("audit", query, "-at");
      const rows = await selectEntries(reads, access.reach(), query, page);
      return toPage(page, rows, (row) => ({ key: row.at, id: row.id }), toEntry);
    },
  );
}

/** An export has no pages: what cuts or sorts them would be ignored. */
function requireWhole({ limit, cursor, sort, ...filter }: Static<typeof Query>): AuditFilter {
  const given = Object.entries({ limit, cursor, sort }).filter(([, value]) => value !== undefined);
  if (given.length === 0) return filter;
  const errors = given.map(([name]) => ({
    pointer: `/${name}`,
    code: "not_with_export",
    detail: "An export has no pages and one order; leave it out.",
  }));
  throw new Problem("validation_failed", undefined, { errors });
}

async function selectEntries(
  reads: Db,
  reach: Reach,
  filter: AuditFilter,
  { after, direction, limit }: PageRequest<"at">,
): Promise<AuditEntryTable[]> {
  const query = whereFiltered(reads.selectFrom("audit_entry").selectAll(), reach, filter);
  return onPage(query, { key: "at", id: "id" }, { direction, after, limit }).execute();
}

function toEntry(row: AuditEntryTable) {
  const { who, from, target, why, details } = readBody(row);
  return {
    id: row.id,
    tenantId: tenantOf(row.chain),
    seq: row.seq,
    at: toRfc3339(row.at),
    action: row.action,
    outcome: row.outcome as AuditBody["outcome"],
    who,
    from,
    target,
    why,
    details,
    hash: row.hash,
  };
}

/** An entry whose text was destroyed must not hide the others: what its columns say is shown, and verification says the rest. */
function readBody(row: AuditEntryTable): Pick<AuditBody, "who" | "from" | "target" | "why" | "details"> {
  try {
    const { who, from, target, why, details } = JSON.parse(row.body) as AuditBody;
    return {
      who: { kind: String(who.kind), id: who.id, name: String(who.name) },
      from: { address: from.address, requestId: from.requestId },
      target: target && { ...target, kind: String(target.kind) },
      why,
      details: { ...details },
    };
  } catch {
    return {
      who: { kind: "unreadable", id: row.who_id, name: row.who_id },
      from: { address: null, requestId: null },
      target: { kind: row.target_kind, id: row.target_id },
      why: null,
      details: {},
    };
  }
}
