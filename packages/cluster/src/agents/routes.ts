import { Type } from "typebox";
import type { Clock } from "../clock.ts";
import { accessOf, type RequestAccess } from "../http/access.ts";
import { etagOf } from "../http/etag.ts";
import { Problem } from "../http/problems.ts";
import { IdParams, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import type { ClusterKeys } from "../keys/cluster-keys.ts";
import { versionsHere } from "../packages/agent-packages.ts";
import { ToldConfig } from "../profiles/setting-schemas.ts";
import type { Db } from "../schema.ts";
import { findAgentAnywhere, type KnownAgent } from "./agents.ts";
import { desiredRevision } from "./desired-revision.ts";
import { labelsOf } from "./labels.ts";
import { findLookAlikes } from "./look-alikes.ts";
import { toldConfigOf } from "./told-config.ts";
import { AgentDetail, toDetail } from "./views.ts";

export interface AgentServices {
  readonly reads: Db;
  readonly clock: Clock;
  readonly keys: ClusterKeys;
}

const AgentConfig = Type.Object({
  rev: Type.Integer(),
  applied: Type.Boolean(),
  profileId: Uuid,
  config: ToldConfig,
});

const tags = ["agents"];
const readingOne = { access: { permission: "agent.read", scope: "object" } } as const;

/** `/agents`: what is known of each agent, and what is wanted of it. */
export function agentRoutes(api: Server, { reads, clock, keys }: AgentServices): void {
  api.get(
    "/agents/:id",
    {
      config: readingOne,
      schema: { tags, summary: "One agent", params: IdParams, response: { 200: AgentDetail } },
    },
    async (request, reply) => {
      const { id } = request.params;
      const known = await requireAgent(reads, id, accessOf(request));
      const labels = await labelsOf(reads, [id]);
      return reply.header("etag", etagOf(known.agent.labels_changed_at)).send({
        ...toDetail(known, labels.get(id) ?? [], keys.trustBundle.version, clock.now(), await versionsHere(reads)),
        lookAlikes: await findLookAlikes(reads, known.agent),
      });
    },
  );

  api.get(
    "/agents/:id/config",
    {
      config: readingOne,
      schema: { tags, summary: "What is wanted of an agent", params: IdParams, response: { 200: AgentConfig } },
    },
    async (request) => {
      const known = await requireAgent(reads, request.params.id, accessOf(request));
      const { agent, profile, revision } = known;
      const { rev } = desiredRevision(revision, agent.applied_rev);
      return {
        rev,
        applied: agent.applied_rev === rev,
        profileId: profile.id,
        config: await toldConfigOf(reads, known),
      };
    },
  );
}

/**
 * An agent within reach of who asks.
 *
 * @throws {Problem} not_found
 */
export async function requireAgent(reads: Db, id: string, access: RequestAccess): Promise<KnownAgent> {
  const known = await findAgentAnywhere(reads, id);
  if (known === undefined) throw new Problem("not_found");
  access.requireTenant(known.agent.tenant_id);
  return known;
}
