import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { Audit } from "../audit/record.ts";
import type { ChangePublisher } from "../change-feed.ts";
import type { Clock } from "../clock.ts";
import { accessOf } from "../http/access.ts";
import { requireMatch } from "../http/etag.ts";
import { originOf } from "../http/origin.ts";
import { Problem } from "../http/problems.ts";
import { closed, IdParams, NoContent, type Static } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import { principalOf } from "../identity/principal.ts";
import { requireRecentPassword } from "../identity/reauthentication.ts";
import type { ClusterKeys } from "../keys/cluster-keys.ts";
import { versionsHere } from "../packages/agent-packages.ts";
import type { Db, Store, Tx } from "../schema.ts";
import { findAgentAnywhere } from "./agents.ts";
import { cancelDecommission, requestDecommission } from "./decommission.ts";
import { selectionMembers, selectionOf } from "./label-routes.ts";
import { type LabelledAgent, labelsOf, selectAgents, slices } from "./labels.ts";
import { requireAgent } from "./routes.ts";
import { AgentDetail, toDetail } from "./views.ts";

export interface DecommissionServices {
  readonly store: Store;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly keys: ClusterKeys;
  readonly feed: ChangePublisher;
}

const Selection = closed(selectionMembers);
const DecommissionBody = closed({
  ...selectionMembers,
  matched: Type.Optional(
    Type.Integer({ minimum: 0, description: "As the preview said: when it is another number now, nothing is done." }),
  ),
});
const Preview = Type.Object({
  matched: Type.Integer({ description: "Agents that the ids or the filter name." }),
  changed: Type.Integer({ description: "Those among them that nobody has decommissioned yet." }),
  protected: Type.Integer({ description: "Those among these whose protection is on or lifted: it goes off for good." }),
});
const Result = Type.Object({ matched: Type.Integer(), changed: Type.Integer() });

const tags = ["agents"];
const changingOne = { access: { permission: "agent.manage", scope: "object" } } as const;
const changing = { access: { permission: "agent.manage", scope: "tenant" } } as const;

/** The orderly end of agents: protection goes off first, by a signed config, and then they are heard no more. */
export function decommissionRoutes(api: Server, { store, audit, clock, keys, feed }: DecommissionServices): void {
  api.post(
    "/agents/:id/decommission",
    {
      config: changingOne,
      schema: {
        tags,
        summary: "Switches an agent's protection off for good; asks for the password again",
        params: IdParams,
        body: closed({}),
        response: { 200: AgentDetail },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { agent } = await requireAgent(store.reads, id, accessOf(request));
      requireRecentPassword(principalOf(request), clock.now());
      await store.durable(async (tx) => {
        const known = await findAgentAnywhere(tx, id);
        if (known === undefined) throw new Problem("not_found");
        requireMatch(request, known.agent.labels_changed_at);
        await decommission(tx, request, [{ id, tenantId: agent.tenant_id, hostName: known.agent.host_name }]);
      });
      const known = await requireAgent(store.reads, id, accessOf(request));
      const labels = await labelsOf(store.reads, [id]);
      return toDetail(
        known,
        labels.get(id) ?? [],
        keys.trustBundle.version,
        clock.now(),
        await versionsHere(store.reads),
      );
    },
  );

  api.delete(
    "/agents/:id/decommission",
    {
      config: changingOne,
      schema: {
        tags,
        summary: "Takes a decommission back that the agent has not carried out yet",
        params: IdParams,
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { agent } = await requireAgent(store.reads, id, accessOf(request));
      await store.durable(async (tx) => {
        await cancelDecommission(tx, feed, id, clock.now());
        audit.record(tx, {
          tenantId: agent.tenant_id,
          action: "agent.decommission-cancel",
          outcome: "done",
          origin: originOf(request),
          target: { kind: "agent", id, name: agent.host_name },
        });
      });
      return reply.code(204).send(null);
    },
  );

  api.post(
    "/agents/decommission/preview",
    {
      config: changing,
      schema: {
        tags,
        summary: "How many agents a decommission of many would be for",
        body: Selection,
        response: { 200: Preview },
      },
    },
    async (request) => {
      const agents = await selected(store.reads, request);
      return { matched: agents.length, ...(await countOpen(store.reads, agents)) };
    },
  );

  api.post(
    "/agents/decommission",
    {
      config: changing,
      schema: {
        tags,
        summary: "Decommissions many agents at once, all or none of them; asks for the password again",
        body: DecommissionBody,
        response: { 200: Result },
      },
    },
    async (request) => {
      accessOf(request).reach();
      requireRecentPassword(principalOf(request), clock.now());
      return store.durable(async (tx) => {
        const agents = await selected(tx, request);
        const { matched = agents.length } = request.body;
        if (matched !== agents.length) {
          throw new Problem("selection_changed", `It is ${agents.length} agents now, and not ${matched}.`);
        }
        const changed = await decommission(tx, request, agents);
        return { matched: agents.length, changed: changed.length };
      });
    },
  );

  async function selected(db: Db, request: FastifyRequest<{ Body: Static<typeof Selection> }>) {
    const access = accessOf(request);
    return selectAgents(db, access.reach(), selectionOf(request.body, access), clock.now());
  }

  async function decommission(tx: Tx, request: FastifyRequest, agents: readonly LabelledAgent[]) {
    const origin = originOf(request);
    const requested = await requestDecommission(tx, feed, agents, origin.who.name, clock.now());
    for (const { id, tenantId, hostName } of requested) {
      audit.record(tx, {
        tenantId,
        action: "agent.decommission",
        outcome: "done",
        origin,
        target: { kind: "agent", id, name: hostName },
      });
    }
    return requested;
  }
}

async function countOpen(db: Db, agents: readonly LabelledAgent[]): Promise<{ changed: number; protected: number }> {
  const counts = { changed: 0, protected: 0 };
  for (const [tenantId, ofTenant] of Map.groupBy(agents, (agent) => agent.tenantId)) {
    for (const some of slices(ofTenant)) {
      const rows = await db
        .selectFrom("agent")
        .select("protection_state")
        .where("tenant_id", "=", tenantId)
        .where(
          "id",
          "in",
          some.map(({ id }) => id),
        )
        .where("decommission_at", "is", null)
        .execute();
      counts.changed += rows.length;
      counts.protected += rows.filter(({ protection_state: is }) => is === "on" || is === "lifted").length;
    }
  }
  return counts;
}
