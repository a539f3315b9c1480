import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { Audit } from "../audit/record.ts";
import type { Clock } from "../clock.ts";
import { accessOf } from "../http/access.ts";
import { originOf } from "../http/origin.ts";
import { Problem } from "../http/problems.ts";
import { closed, IdParams, NoContent, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import type { Store, Tx } from "../schema.ts";
import { findAgentAnywhere } from "./agents.ts";
import { requireAgent } from "./routes.ts";
import { endStanding, markReplaced } from "./standing.ts";
import type { AgentTable } from "./tables.ts";

export interface StandingServices {
  readonly store: Store;
  readonly audit: Audit;
  readonly clock: Clock;
}

const ReplacedBody = closed({
  byAgentId: Type.Optional({ ...Uuid, description: "The agent that took its place, of the same tenant." }),
});

const tags = ["agents"];
const changing = { access: { permission: "agent.manage", scope: "object" } } as const;

/** What users say of an agent: that another took its place, or that it is right that it was restored. */
export function standingRoutes(api: Server, { store, audit, clock }: StandingServices): void {
  api.post(
    "/agents/:id/replaced",
    {
      config: changing,
      schema: {
        tags,
        summary: "Says that another agent took this one's place; nothing is merged",
        params: IdParams,
        body: ReplacedBody,
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      const { byAgentId = null } = request.body;
      await change(request, request.params.id, async (tx, agent) => {
        await markReplaced(tx, agent, byAgentId, originOf(request).who.name, clock.now());
        return { action: "agent.replace", details: { replacedBy: byAgentId } };
      });
      return reply.code(204).send(null);
    },
  );

  api.delete(
    "/agents/:id/replaced",
    {
      config: changing,
      schema: {
        tags,
        summary: "Takes it back that an agent was replaced",
        params: IdParams,
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      await change(request, request.params.id, async (tx, agent) =>
        (await endStanding(tx, agent, "replaced")) ? { action: "agent.replace-cancel" } : null,
      );
      return reply.code(204).send(null);
    },
  );

  api.post(
    "/agents/:id/confirm-restored",
    {
      config: changing,
      schema: {
        tags,
        summary: "Says that somebody has looked at an agent that was restored",
        params: IdParams,
        body: closed({}),
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      await change(request, request.params.id, async (tx, agent) =>
        (await endStanding(tx, agent, "restored")) ? { action: "agent.confirm-restored" } : null,
      );
      return reply.code(204).send(null);
    },
  );

  /** Runs a change of an agent within reach, and enters it, if it was one. */
  async function change(
    request: FastifyRequest,
    id: string,
    work: (tx: Tx, agent: AgentTable) => Promise<{ action: string; details?: Record<string, unknown> } | null>,
  ): Promise<void> {
    await requireAgent(store.reads, id, accessOf(request));
    await store.durable(async (tx) => {
      const known = await findAgentAnywhere(tx, id);
      if (known === undefined) throw new Problem("not_found");
      const { agent } = known;
      const entry = await work(tx, agent);
      if (entry === null) return;
      audit.record(tx, {
        ...entry,
        tenantId: agent.tenant_id,
        outcome: "done",
        origin: originOf(request),
        target: { kind: "agent", id, name: agent.host_name },
      });
    });
  }
}
