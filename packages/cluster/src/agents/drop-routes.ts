import type { Audit } from "../audit/record.ts";
import type { ChangePublisher } from "../change-feed.ts";
import type { Clock } from "../clock.ts";
import { accessOf } from "../http/access.ts";
import { originOf } from "../http/origin.ts";
import { closed, IdParams, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import type { ClusterKeys } from "../keys/cluster-keys.ts";
import { versionsHere } from "../packages/agent-packages.ts";
import type { Store } from "../schema.ts";
import { confirmDrop } from "./assignment.ts";
import { labelsOf } from "./labels.ts";
import { requireAgent } from "./routes.ts";
import { AgentDetail, toDetail } from "./views.ts";

export interface DropServices {
  readonly store: Store;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly keys: ClusterKeys;
  readonly feed: ChangePublisher;
}

/** `/agents/{id}/confirm-drop`: a user takes the word of an agent's facts, and lets its protection go. */
export function dropRoutes(api: Server, { store, audit, clock, keys, feed }: DropServices): void {
  api.post(
    "/agents/:id/confirm-drop",
    {
      config: { access: { permission: "agent.manage", scope: "object" } },
      schema: {
        tags: ["agents"],
        summary: "Lets an agent go to the unprotecting profile that its facts alone would give it",
        params: IdParams,
        body: closed({ profileId: { ...Uuid, description: "`wouldDrop.profileId` of the agent, as you saw it." } }),
        response: { 200: AgentDetail },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { agent } = await requireAgent(store.reads, id, accessOf(request));
      await store.durable(async (tx) => {
        const { profileId } = request.body;
        const { before } = await confirmDrop(tx, feed, agent.tenant_id, id, profileId, clock.now());
        audit.record(tx, {
          tenantId: agent.tenant_id,
          action: "agent.confirm-drop",
          outcome: "done",
          origin: originOf(request),
          target: { kind: "agent", id, name: agent.host_name },
          details: { from: before.profileId, to: profileId },
        });
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
}
