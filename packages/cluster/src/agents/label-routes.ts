import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { Audit } from "../audit/record.ts";
import type { ChangePublisher } from "../change-feed.ts";
import type { Clock } from "../clock.ts";
import { accessOf, type RequestAccess } from "../http/access.ts";
import { etagOf, requireMatch } from "../http/etag.ts";
import { originOf } from "../http/origin.ts";
import { Problem } from "../http/problems.ts";
import { closed, IdParams, type Static } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import type { ClusterKeys } from "../keys/cluster-keys.ts";
import { versionsHere } from "../packages/agent-packages.ts";
import { Label } from "../profiles/label.ts";
import type { Store, Tx } from "../schema.ts";
import { agentFiltersOfBody, readAgentFilter } from "./filters.ts";
import type { FollowUp, FollowUps } from "./follow-up.ts";
import { countsOf } from "./intent-schemas.ts";
import {
  type AgentSelection,
  labelsOf,
  planLabels,
  type Relabelled,
  selectAgents,
  slices,
  storeLabels,
} from "./labels.ts";
import { agentLimits } from "./limits.ts";
import { requireAgent } from "./routes.ts";
import { AgentDetail, toDetail } from "./views.ts";

export interface LabelServices {
  readonly store: Store;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly keys: ClusterKeys;
  readonly feed: ChangePublisher;
  readonly followUps: FollowUps;
}

const Labels = Type.Array(Label, { maxItems: agentLimits.maxLabelsPerAgent });

const AgentPatch = closed({
  labels: Type.Optional(Type.Array(Label, { maxItems: agentLimits.maxLabelsPerAgent, description: "All of them." })),
});

/** How a request names many agents. */
export const selectionMembers = {
  agentIds: Type.Optional(
    Type.Array(IdParams.properties.id, { minItems: 1, maxItems: agentLimits.maxAgentIdsPerRequest }),
  ),
  filter: Type.Optional(
    closed(agentFiltersOfBody, {
      description: "Instead of ids: the agents that the list with these filters has.",
    }),
  ),
};
const Selection = Type.Object(selectionMembers);
const LabelsBody = closed({
  ...selectionMembers,
  add: Type.Optional(Labels),
  remove: Type.Optional(Labels),
});

const LabelsResult = Type.Object({
  matched: Type.Integer({ description: "Agents that the ids or the filter name." }),
  changed: Type.Integer({ description: "Those among them whose labels change." }),
});

const tags = ["agents"];
const changingOne = { access: { permission: "agent.manage", scope: "object" } } as const;
const changing = { access: { permission: "agent.manage", scope: "tenant" } } as const;

/** Labels of agents, of one and of many at once. */
export function labelRoutes(api: Server, { store, audit, clock, keys, feed, followUps }: LabelServices): void {
  api.patch(
    "/agents/:id",
    {
      config: changingOne,
      schema: {
        tags,
        summary: "Changes an agent's labels (RFC 7396)",
        params: IdParams,
        body: AgentPatch,
        response: { 200: AgentDetail },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { agent } = await requireAgent(store.reads, id, accessOf(request));
      const { labels } = request.body;
      const rest = await store.durable(async (tx) => {
        const current = await tx
          .selectFrom("agent")
          .select(["labels_changed_at", "host_name"])
          .where("tenant_id", "=", agent.tenant_id)
          .where("id", "=", id)
          .executeTakeFirst();
        if (current === undefined) throw new Problem("not_found");
        requireMatch(request, current.labels_changed_at);
        if (labels === undefined) return [];
        const before = (await labelsOf(tx, [id])).get(id) ?? [];
        const remove = before.filter((one) => !labels.includes(one));
        const one = { id, tenantId: agent.tenant_id, hostName: current.host_name };
        const changes = await planLabels(tx, [one], { add: labels, remove });
        return relabel(tx, request, changes);
      });
      await followedBy(request, rest);
      const known = await requireAgent(store.reads, id, accessOf(request));
      const now = await labelsOf(store.reads, [id]);
      return reply
        .header("etag", etagOf(known.agent.labels_changed_at))
        .send(
          toDetail(known, now.get(id) ?? [], keys.trustBundle.version, clock.now(), await versionsHere(store.reads)),
        );
    },
  );

  api.post(
    "/agents/labels/preview",
    {
      config: changing,
      schema: {
        tags,
        summary: "How many agents a change of labels would change",
        body: LabelsBody,
        response: { 200: LabelsResult },
      },
    },
    async (request) => {
      const agents = await selected(store.reads, request);
      const changes = await planLabels(store.reads, agents, changeOf(request.body));
      return { matched: agents.length, changed: changes.length };
    },
  );

  api.post(
    "/agents/labels",
    {
      config: changing,
      schema: {
        tags,
        summary: "Adds and removes labels of many agents at once, all or none of them",
        body: LabelsBody,
        response: { 200: LabelsResult },
      },
    },
    async (request) => {
      const { rest, ...result } = await store.durable(async (tx) => {
        const agents = await selected(tx, request);
        const changes = await planLabels(tx, agents, changeOf(request.body));
        return { rest: await relabel(tx, request, changes), matched: agents.length, changed: changes.length };
      });
      await followedBy(request, rest);
      return result;
    },
  );

  async function followedBy(request: FastifyRequest, rest: readonly FollowUp[]): Promise<void> {
    for (const ofTenant of rest) await followUps.finish(ofTenant, originOf(request));
  }

  async function selected(db: Store["reads"], request: FastifyRequest<{ Body: Static<typeof LabelsBody> }>) {
    const access = accessOf(request);
    const selection = selectionOf(request.body, access);
    return selectAgents(db, access.reach(), selection, clock.now());
  }

  async function relabel(tx: Tx, request: FastifyRequest, changes: readonly Relabelled[]): Promise<FollowUp[]> {
    await storeLabels(tx, changes, clock.now());
    const left: FollowUp[] = [];
    for (const [tenant, ofTenant] of Map.groupBy(changes, ({ agent }) => agent.tenantId)) {
      const [only] = ofTenant;
      const one = ofTenant.length === 1 ? only : undefined;
      const ids = ofTenant.map(({ agent }) => agent.id);
      feed.publish(tx, { kind: "agent", tenantId: tenant, agentId: one?.agent.id ?? null });
      const { changes: moves, rest } = await followUps.begin(tx, tenant, { kind: "agents", ids }, clock.now());
      if (rest !== null) left.push(rest);
      for (const some of slices(ofTenant)) {
        audit.record(tx, {
          tenantId: tenant,
          action: "agent.label",
          outcome: "done",
          origin: originOf(request),
          target: { kind: "agent", id: one?.agent.id ?? null, ...(one && { name: one.agent.hostName }) },
          details: { ...detailsOf(some), ...(moves && { agents: countsOf(moves) }) },
        });
      }
    }
    return left;
  }
}

/** Who has which labels more and fewer than before, agents with the same change together. */
function detailsOf(changes: readonly Relabelled[]): { changes: unknown[] } {
  const alike = Map.groupBy(changes, ({ before, after }) => {
    const added = after.filter((one) => !before.includes(one));
    const removed = before.filter((one) => !after.includes(one));
    return JSON.stringify({ added, removed });
  });
  return {
    changes: [...alike].map(([change, some]) => ({
      ...JSON.parse(change),
      agentIds: some.map(({ agent }) => agent.id),
    })),
  };
}

/** @throws {Problem} validation_failed: neither ids nor a filter, or both; not_found */
export function selectionOf({ agentIds, filter }: Static<typeof Selection>, access: RequestAccess): AgentSelection {
  if (agentIds !== undefined && filter === undefined) return { ids: agentIds };
  if (agentIds === undefined && filter !== undefined) {
    const read = readAgentFilter(filter);
    for (const id of read.tenantId ?? []) access.requireTenant(id);
    return { filter: read };
  }
  const detail = "Name the agents by their ids or by a filter, and not by both.";
  throw new Problem("validation_failed", undefined, { errors: [{ pointer: "/agentIds", code: "required", detail }] });
}

function changeOf({ add = [], remove = [] }: Static<typeof LabelsBody>) {
  return { add, remove };
}
