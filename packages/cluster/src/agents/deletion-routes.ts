import { platforms, protectionStates } from "@postern/protocol";
import { Type } from "typebox";
import type { Audit } from "../audit/record.ts";
import type { ChangePublisher } from "../change-feed.ts";
import { type Clock, toRfc3339 } from "../clock.ts";
import { accessOf } from "../http/access.ts";
import { requireMatch } from "../http/etag.ts";
import { originOf } from "../http/origin.ts";
import { listOf, listQuery, pageRequest, toPage } from "../http/paging.ts";
import { Problem } from "../http/problems.ts";
import { IdParams, NoContent, nullable, oneOf, type Static, Time, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import type { Store } from "../schema.ts";
import { findAgentAnywhere } from "./agents.ts";
import { deleteAgent } from "./deletion.ts";
import { requireAgent } from "./routes.ts";
import {
  findTombstoneAnywhere,
  type KnownTombstone,
  listTombstones,
  positionOfTombstone,
  tombstoneSortFields,
} from "./tombstones.ts";

export interface DeletionServices {
  readonly store: Store;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly feed: ChangePublisher;
}

const Tombstone = Type.Object({
  id: { ...Uuid, description: "The deleted agent's: agent tokens can be generated for it." },
  tenant: Type.Object({ id: Uuid, name: Type.String() }),
  hostName: Type.String(),
  platform: oneOf(platforms),
  protection: nullable(oneOf(protectionStates, { description: "As it had reported last." })),
  decommissioned: Type.Boolean({ description: "It had been decommissioned before: its protection is off." }),
  trustBundle: Type.Integer({ description: "Version of the trust bundle that it had acknowledged; 0: none." }),
  enrolledAt: Time,
  seenAt: Time,
  deletedAt: Time,
  deletedBy: Type.String(),
});

const Query = listQuery(
  {
    tenantId: Type.Optional(Uuid),
    q: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: "Part of the host name." })),
  },
  tombstoneSortFields,
);

const tags = ["agents"];
const reading = { access: { permission: "agent.read", scope: "tenant" } } as const;
const readingOne = { access: { permission: "agent.read", scope: "object" } } as const;
const changing = { access: { permission: "agent.manage", scope: "object" } } as const;

/** Deleting an agent, and what stays of it. */
export function deletionRoutes(api: Server, { store, audit, clock, feed }: DeletionServices): void {
  const { reads } = store;

  api.delete(
    "/agents/:id",
    {
      config: changing,
      schema: {
        tags,
        summary: "Deletes an agent; its protection stays, and a tombstone, so that tokens can be made for it",
        params: IdParams,
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await requireAgent(reads, id, accessOf(request));
      await store.durable(async (tx) => {
        const known = await findAgentAnywhere(tx, id);
        if (known === undefined) throw new Problem("not_found");
        requireMatch(request, known.agent.labels_changed_at);
        await deleteAgent(tx, audit, feed, known, { origin: originOf(request) }, clock.now());
      });
      return reply.code(204).send(null);
    },
  );

  api.get(
    "/agents/tombstones",
    {
      config: reading,
      schema: {
        tags,
        summary: "Deleted agents, for which agent tokens can still be generated",
        querystring: Query,
        response: { 200: listOf(Tombstone) },
      },
    },
    async (request) => {
      const access = accessOf(request);
      const { tenantId } = request.query;
      if (tenantId !== undefined) access.requireTenant(tenantId);
      const reach = tenantId === undefined ? access.reach() : new Set([tenantId]);
      const page = pageRequest("tombstones", request.query, "-deletedAt");
      const rows = await listTombstones(reads, reach, request.query, page);
      return toPage(page, rows, (row) => positionOfTombstone(row, page.field), toView);
    },
  );

  api.get(
    "/agents/tombstones/:id",
    {
      config: readingOne,
      schema: { tags, summary: "One deleted agent", params: IdParams, response: { 200: Tombstone } },
    },
    async (request) => {
      const found = await findTombstoneAnywhere(reads, request.params.id);
      if (found === undefined) throw new Problem("not_found");
      accessOf(request).requireTenant(found.tenant_id);
      return toView(found);
    },
  );
}

function toView(row: KnownTombstone): Static<typeof Tombstone> {
  return {
    id: row.id,
    tenant: { id: row.tenant_id, name: row.tenant_name },
    hostName: row.host_name,
    platform: row.platform,
    protection: row.protection_state,
    decommissioned: row.decommissioned === 1,
    trustBundle: row.bundle_ver,
    enrolledAt: toRfc3339(row.enrolled_at),
    seenAt: toRfc3339(row.seen_at),
    deletedAt: toRfc3339(row.deleted_at),
    deletedBy: row.deleted_by,
  };
}
