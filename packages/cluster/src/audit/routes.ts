import { Type } from "typebox";
import { toRfc3339 } from "../clock.ts";
import { afterPosition } from "../db/keyset.ts";
import { accessOf, type Reach } from "../http/access.ts";
import { listOf, listQuery, type PageRequest, pageRequest, toPage } from "../http/paging.ts";
import { nullable, oneOf, type Static, Time, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import type { Db } from "../schema.ts";
import { type AuditBody, auditOutcomes, clusterChain } from "./entry.ts";
import type { AuditEntryTable } from "./tables.ts";
import { type ChainVerdict, listChains, verifyChain } from "./verify.ts";

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

const Word = Type.String({ minLength: 1, maxLength: 100 });

const Query = listQuery(
  {
    tenantId: Type.Optional(Uuid),
    action: Type.Optional(Word),
    outcome: Type.Optional(oneOf(auditOutcomes)),
    whoId: Type.Optional(Word),
    targetId: Type.Optional(Word),
    since: Type.Optional(Time),
    until: Type.Optional(Time),
  },
  ["at"],
);

const Verification = Type.Object({
  intact: Type.Boolean(),
  chains: Type.Array(
    Type.Object({
      tenantId: nullable(Uuid),
      entries: Type.Integer(),
      head: Type.String(),
      fault: nullable(Type.Object({ seq: Type.Integer(), code: Type.String() })),
    }),
  ),
});

export function auditRoutes(api: Server, reads: Db): void {
  const config = { access: { permission: "audit.read", scope: "tenant" } } as const;

  api.get(
    "/audit",
    {
      config,
      schema: { tags: ["audit"], summary: "The audit log", querystring: Query, response: { 200: listOf(Entry) } },
    },
    async (request) => {
      const access = accessOf(request);
      if (request.query.tenantId !== undefined) access.requireTenant(request.query.tenantId);
      const page = pageRequest("audit", request.query, "-at");
      const rows = await selectEntries(reads, access.reach(), request.query, page);
      return toPage(page, rows, (row) => ({ key: row.at, id: row.id }), toEntry);
    },
  );

  api.get(
    "/audit/verification",
    {
      config,
      schema: { tags: ["audit"], summary: "Recomputes the chains of the audit log", response: { 200: Verification } },
    },
    async (request) => {
      const reach = accessOf(request).reach();
      const chains = reach === "everywhere" ? await listChains(reads) : [...reach].sort();
      const verdicts: ChainVerdict[] = [];
      for (const chain of chains) verdicts.push(await verifyChain(reads, chain));
      return {
        intact: verdicts.every((verdict) => verdict.fault === null),
        chains: verdicts.map(({ chain, ...verdict }) => ({ tenantId: tenantOf(chain), ...verdict })),
      };
    },
  );
}

async function selectEntries(
  reads: Db,
  reach: Reach,
  filter: Static<typeof Query>,
  { after, direction, limit }: PageRequest<"at">,
): Promise<AuditEntryTable[]> {
  let query = reads.selectFrom("audit_entry").selectAll();
  if (reach !== "everywhere") query = query.where("chain", "in", [...reach]);
  if (filter.tenantId !== undefined) query = query.where("chain", "=", filter.tenantId);
  if (filter.action !== undefined) query = query.where("action", "=", filter.action);
  if (filter.outcome !== undefined) query = query.where("outcome", "=", filter.outcome);
  if (filter.whoId !== undefined) query = query.where("who_id", "=", filter.whoId);
  if (filter.targetId !== undefined) query = query.where("target_id", "=", filter.targetId);
  if (filter.since !== undefined) query = query.where("at", ">=", Date.parse(filter.since));
  if (filter.until !== undefined) query = query.where("at", "<", Date.parse(filter.until));
  if (after !== null) query = query.where(afterPosition({ key: "at", id: "id" }, direction, after));
  return query
    .orderBy("at", direction)
    .orderBy("id", direction)
    .limit(limit + 1)
    .execute();
}

function toEntry(row: AuditEntryTable) {
  const body = JSON.parse(row.body) as AuditBody;
  const { id, seq, action, outcome, who, from, target, why, details } = body;
  return {
    id,
    tenantId: tenantOf(row.chain),
    seq,
    at: toRfc3339(row.at),
    action,
    outcome,
    who,
    from,
    target,
    why,
    details,
    hash: row.hash,
  };
}

function tenantOf(chain: string): string | null {
  return chain === clusterChain ? null : chain;
}
