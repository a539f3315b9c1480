import { Type } from "typebox";
import { toReportedTime } from "../agents/reported-time.ts";
import { requireAgent } from "../agents/routes.ts";
import { findTombstoneAnywhere } from "../agents/tombstones.ts";
import { toRfc3339 } from "../clock.ts";
import { accessOf, type Reach } from "../http/access.ts";
import { listOf, listQuery, pageRequest, toPage } from "../http/paging.ts";
import { IdParams, nullable, oneOf, type Static, Time, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import type { Db } from "../schema.ts";
import { redemptionVerdicts } from "../tokens/tables.ts";
import { type EventFilter, type ListedEvent, listEvents } from "./journal.ts";

const Event = Type.Object({
  id: Uuid,
  tenantId: Uuid,
  agent: Type.Object({ id: Uuid, hostName: Type.String() }),
  kind: Type.String(),
  data: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
  at: Time,
  trustedAt: Time,
  receivedAt: Time,
  journalId: Uuid,
  seq: Type.Integer(),
  forked: Type.Boolean({ description: "Another entry with this place in the journal was delivered too." }),
  linked: Type.Boolean({ description: "It follows the entry that was delivered before it." }),
  redemption: nullable(oneOf(redemptionVerdicts, { description: "Only for the kind `redeemed`: is the token known?" })),
});

const Kind = Type.Optional(
  Type.String({ pattern: "^[a-z][a-z_]{0,39}$", mustBe: "a kind of journal entry, such as redeemed" }),
);
const filters = { kind: Kind, since: Type.Optional(Time), until: Type.Optional(Time) };
const AgentQuery = listQuery(filters, ["receivedAt"]);
const Query = listQuery({ tenantId: Type.Optional(Uuid), agentId: Type.Optional(Uuid), ...filters }, ["receivedAt"]);

const tags = ["events"];
const reading = { access: { permission: "event.read", scope: "tenant" } } as const;
const readingOne = { access: { permission: "agent.read", scope: "object" } } as const;

/** `/events` and the journal of one agent: what happened to the protection of agents, as they told it. */
export function eventRoutes(api: Server, reads: Db): void {
  api.get(
    "/events",
    {
      config: reading,
      schema: { tags, summary: "What agents journaled", querystring: Query, response: { 200: listOf(Event) } },
    },
    async (request) => {
      const access = accessOf(request);
      const { tenantId } = request.query;
      if (tenantId !== undefined) access.requireTenant(tenantId);
      return answer(
        "events",
        tenantId === undefined ? access.reach() : new Set([tenantId]),
        request.query,
        request.query,
      );
    },
  );

  api.get(
    "/agents/:id/journal",
    {
      config: readingOne,
      schema: {
        tags,
        summary: "The journal of one agent, also of a deleted one",
        params: IdParams,
        querystring: AgentQuery,
        response: { 200: listOf(Event) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const tombstone = await findTombstoneAnywhere(reads, id);
      if (tombstone !== undefined) accessOf(request).requireTenant(tombstone.tenant_id);
      const { tenant_id } = tombstone ?? (await requireAgent(reads, id, accessOf(request))).agent;
      return answer(`journal of ${id}`, new Set([tenant_id]), { ...request.query, agentId: id }, request.query);
    },
  );

  async function answer(list: string, reach: Reach, filter: EventFilter, query: Static<typeof AgentQuery>) {
    const page = pageRequest(list, query, "-receivedAt");
    const rows = await listEvents(reads, reach, filter, page);
    return toPage(page, rows, (row) => ({ key: row.received_at, id: row.id }), toEvent);
  }
}

function toEvent(row: ListedEvent): Static<typeof Event> {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    agent: { id: row.agent_id, hostName: row.host_name },
    kind: row.kind,
    data: JSON.parse(row.data) as Record<string, string | number | boolean>,
    at: toReportedTime(row.at),
    trustedAt: toReportedTime(row.trusted_at),
    receivedAt: toRfc3339(row.received_at),
    journalId: row.journal_id,
    seq: row.seq,
    forked: row.forked === 1,
    linked: row.linked === 1,
    redemption: row.verdict,
  };
}
