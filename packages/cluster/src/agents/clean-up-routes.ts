import { protectionStates } from "@postern/protocol";
import { Type } from "typebox";
import { type Clock, toRfc3339, toRfc3339OrNull } from "../clock.ts";
import { accessOf } from "../http/access.ts";
import { closed, nullable, oneOf, Time, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import { profileLimits } from "../profiles/limits.ts";
import type { Db } from "../schema.ts";
import { agentLimits } from "./limits.ts";
import { findSilentAgents, waitsUntil } from "./silence.ts";

const Preview = Type.Object({
  matched: Type.Integer({ description: "Agents that have been silent long enough." }),
  waitsUntil: nullable(Time),
  agents: Type.Array(
    Type.Object({
      id: Uuid,
      tenantId: Uuid,
      hostName: Type.String(),
      profileId: Uuid,
      protection: nullable(oneOf(protectionStates)),
      seenAt: Time,
      afterDays: Type.Integer(),
    }),
    { description: "The first fifty." },
  ),
});

/** `/agents/clean-up`: whom the clean-up of silent agents would delete, before it is switched on and while it is. */
export function cleanUpRoutes(api: Server, { reads, clock }: { readonly reads: Db; readonly clock: Clock }): void {
  api.get(
    "/agents/clean-up",
    {
      config: { access: { permission: "agent.read", scope: "tenant" } },
      schema: {
        tags: ["agents"],
        summary: "Whom the clean-up of silent agents would delete now",
        description:
          "By what the profiles say in `cleanUpAfterDays`, or with `afterDays` by that. Nothing is deleted. Until `waitsUntil` " +
          "nobody is: the cluster was away itself, and agents first get the time to come back.",
        querystring: closed({
          tenantId: Type.Optional(Uuid),
          profileId: Type.Optional(Uuid),
          afterDays: Type.Optional(Type.Integer({ minimum: 1, maximum: profileLimits.maxCleanUpDays })),
        }),
        response: { 200: Preview },
      },
    },
    async (request) => {
      const { tenantId, profileId, afterDays } = request.query;
      const access = accessOf(request);
      if (tenantId !== undefined) access.requireTenant(tenantId);
      const reach = tenantId === undefined ? access.reach() : new Set([tenantId]);
      const now = clock.now();
      const scope = { reach, ...(profileId && { profileId }), ...(afterDays && { afterDays }) };
      const silent = await findSilentAgents(reads, scope, now);
      return {
        matched: silent.length,
        waitsUntil: toRfc3339OrNull(await waitsUntil(reads, now)),
        agents: silent.slice(0, agentLimits.maxAgentsNamedInPreview).map(({ seenAt, ...agent }) => ({
          ...agent,
          seenAt: toRfc3339(seenAt),
        })),
      };
    },
  );
}
