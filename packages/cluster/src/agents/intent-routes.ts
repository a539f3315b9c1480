import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { Audit } from "../audit/record.ts";
import type { Clock } from "../clock.ts";
import type { NewId } from "../db/ids.ts";
import { accessOf } from "../http/access.ts";
import { etagOf, requireMatch } from "../http/etag.ts";
import { originOf } from "../http/origin.ts";
import { listOf, listQuery, pageRequest, toPage } from "../http/paging.ts";
import { Problem } from "../http/problems.ts";
import { IdParams, NoContent, type Static, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import {
  changeIntent,
  createIntent,
  deleteIntent,
  findIntentAnywhere,
  type Intent,
  intentsOf,
  listIntents,
  orderIntents,
} from "../profiles/intents.ts";
import { defaultProfileOf, findProfile } from "../profiles/profiles.ts";
import { readyIntents } from "../profiles/resolve-profile.ts";
import type { Store, Tx } from "../schema.ts";
import { previewAssignment } from "./assignment.ts";
import type { FollowUp, FollowUps } from "./follow-up.ts";
import {
  countsOf,
  IntentPatchBody,
  IntentView,
  NewIntentBody,
  OrderBody,
  OrderView,
  PreviewBody,
  PreviewView,
  patchedFilter,
  refuseStrayRanges,
  toFilter,
  toIntentView,
  toPreview,
} from "./intent-schemas.ts";

export interface IntentServices {
  readonly store: Store;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly followUps: FollowUps;
}

const tags = ["intents"];
const reading = { access: { permission: "profile.read", scope: "tenant" } } as const;
const readingOne = { access: { permission: "profile.read", scope: "object" } } as const;
const changing = { access: { permission: "profile.manage", scope: "tenant" } } as const;
const changingOne = { access: { permission: "profile.manage", scope: "object" } } as const;

/** `/intents`: which agents get which profile. A change reaches the agents that it moves at once. */
export function intentRoutes(api: Server, { store, audit, clock, newId, followUps }: IntentServices): void {
  api.get(
    "/intents",
    {
      config: reading,
      schema: {
        tags,
        summary: "Agent config intents, in the order in which they are held against agents; the first that fits wins",
        querystring: listQuery({ tenantId: Type.Optional(Uuid) }, ["position"]),
        response: { 200: listOf(IntentView) },
      },
    },
    async (request, reply) => {
      const access = accessOf(request);
      const { tenantId } = request.query;
      if (tenantId !== undefined) {
        access.requireTenant(tenantId);
        reply.header("etag", etagOf((await intentsOf(store.reads, tenantId)).revision));
      }
      const reach = tenantId === undefined ? access.reach() : new Set([tenantId]);
      const page = pageRequest("intents", request.query, "position");
      const intents = await listIntents(store.reads, reach, page);
      return toPage(page, intents, ({ position, id }) => ({ key: position, id }), toIntentView);
    },
  );

  api.post(
    "/intents",
    {
      config: changing,
      schema: { tags, summary: "Makes an intent", body: NewIntentBody, response: { 201: IntentView } },
    },
    async (request, reply) => {
      const { tenantId, name, profileId, position, filter = {} } = request.body;
      accessOf(request).requireTenant(tenantId);
      refuseStrayRanges(filter, "/filter");
      const { made, rest } = await store.durable(async (tx) => {
        const wanted = { id: newId(), tenantId, name, profileId, position, filter: toFilter(filter) };
        const intent = await createIntent(tx, wanted, clock.now());
        const { id, filter: stored } = intent;
        const target = { id, tenantId, name };
        return {
          made: intent,
          rest: await follow(tx, request, "intent.create", target, { profileId, filter: stored }),
        };
      });
      await followUps.finish(rest, originOf(request));
      return reply.code(201).header("etag", etagOf(made.changedAt)).send(toIntentView(made));
    },
  );

  api.post(
    "/intents/preview",
    {
      config: reading,
      schema: {
        tags,
        summary: "Which agents would get another profile if the intents were these",
        body: PreviewBody,
        response: { 200: PreviewView },
      },
    },
    async (request) => {
      const { tenantId } = request.body;
      accessOf(request).requireTenant(tenantId);
      for (const [index, { profileId, filter = {} }] of request.body.intents.entries()) {
        refuseStrayRanges(filter, `/intents/${index}/filter`);
        if ((await findProfile(store.reads, tenantId, profileId)) !== undefined) continue;
        throw new Problem("validation_failed", undefined, {
          errors: [
            { pointer: `/intents/${index}/profileId`, code: "unknown", detail: "This tenant has no such profile." },
          ],
        });
      }
      const intents = request.body.intents.map(({ profileId, filter = {} }) => ({
        profileId,
        filter: toFilter(filter),
      }));
      const list = readyIntents(intents, (await defaultProfileOf(store.reads, tenantId)).id);
      const { changes, held } = await previewAssignment(store.reads, tenantId, list, clock.now());
      return toPreview(changes, held);
    },
  );

  api.put(
    "/intents/order",
    {
      config: changing,
      schema: {
        tags,
        summary: "Puts a tenant's intents into another order; with If-Match of the list, only if nobody changed it",
        body: OrderBody,
        response: { 200: OrderView },
      },
    },
    async (request, reply) => {
      const { tenantId, intentIds } = request.body;
      accessOf(request).requireTenant(tenantId);
      const { revision, rest } = await store.durable(async (tx) => {
        const before = await orderIntents(tx, tenantId, intentIds, clock.now(), (current) =>
          requireMatch(request, current),
        );
        const isSame = before.join() === intentIds.join();
        const details = { from: before, to: intentIds };
        return {
          rest: isSame ? null : await follow(tx, request, "intent.order", { id: null, tenantId }, details),
          revision: (await intentsOf(tx, tenantId)).revision,
        };
      });
      await followUps.finish(rest, originOf(request));
      return reply.header("etag", etagOf(revision)).send({ intentIds });
    },
  );

  api.get(
    "/intents/:id",
    { config: readingOne, schema: { tags, summary: "One intent", params: IdParams, response: { 200: IntentView } } },
    async (request, reply) => {
      const intent = await intentInReach(request);
      return reply.header("etag", etagOf(intent.changedAt)).send(toIntentView(intent));
    },
  );

  api.patch(
    "/intents/:id",
    {
      config: changingOne,
      schema: {
        tags,
        summary: "Changes an intent (RFC 7396)",
        params: IdParams,
        body: IntentPatchBody,
        response: { 200: IntentView },
      },
    },
    async (request, reply) => {
      const { id, tenantId } = await intentInReach(request);
      const { filter, ...rest } = request.body;
      const { after, rest: left } = await store.durable(async (tx) => {
        const current = await findIntentAnywhere(tx, id);
        if (current === undefined) throw new Problem("not_found");
        const patch = { ...rest, ...(filter && { filter: patchedFilter(current.filter, filter) }) };
        if (patch.filter) refuseStrayRanges(patch.filter, "/filter");
        const changed = await changeIntent(tx, tenantId, id, patch, clock.now(), ({ changedAt }) =>
          requireMatch(request, changedAt),
        );
        if (changed.after === changed.before) return { after: changed.after, rest: null };
        const details = changesOf(changed.before, changed.after);
        return { after: changed.after, rest: await follow(tx, request, "intent.change", changed.after, details) };
      });
      await followUps.finish(left, originOf(request));
      return reply.header("etag", etagOf(after.changedAt)).send(toIntentView(after));
    },
  );

  api.delete(
    "/intents/:id",
    {
      config: changingOne,
      schema: {
        tags,
        summary: "Deletes an intent; its agents go to the next one that fits, or to Default",
        params: IdParams,
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      const { id, tenantId } = await intentInReach(request);
      const rest = await store.durable(async (tx) => {
        const gone = await deleteIntent(tx, tenantId, id, clock.now(), ({ changedAt }) =>
          requireMatch(request, changedAt),
        );
        return follow(tx, request, "intent.delete", gone, { profileId: gone.profileId, filter: gone.filter });
      });
      await followUps.finish(rest, originOf(request));
      return reply.code(204).send(null);
    },
  );

  async function intentInReach(request: FastifyRequest<{ Params: Static<typeof IdParams> }>): Promise<Intent> {
    const intent = await findIntentAnywhere(store.reads, request.params.id);
    if (intent === undefined) throw new Problem("not_found");
    accessOf(request).requireTenant(intent.tenantId);
    return intent;
  }

  /** What follows from every change of the list: agents get their profiles, and the audit log says how many. */
  async function follow(
    tx: Tx,
    request: FastifyRequest,
    action: string,
    { id, name, tenantId }: { readonly id: string | null; readonly name?: string; readonly tenantId: string },
    details: Readonly<Record<string, unknown>>,
  ): Promise<FollowUp | null> {
    const { changes, rest } = await followUps.begin(tx, tenantId, { kind: "all" }, clock.now());
    audit.record(tx, {
      tenantId,
      action,
      outcome: "done",
      origin: originOf(request),
      target: { kind: "intent", id, ...(name !== undefined && { name }) },
      details: { ...details, ...(changes && { agents: countsOf(changes) }) },
    });
    return rest;
  }
}

/** Each member that changed, as it was and as it is. */
function changesOf(before: Intent, after: Intent): Record<string, { from: unknown; to: unknown }> {
  const members = ["name", "profileId", "filter"] as const;
  const changed = members.filter((member) => JSON.stringify(before[member]) !== JSON.stringify(after[member]));
  return Object.fromEntries(changed.map((member) => [member, { from: before[member], to: after[member] }]));
}
