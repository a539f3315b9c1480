import { Readable } from "node:stream";
import { platforms } from "@postern/protocol";
import { Type } from "typebox";
import { acceptedExport } from "../audit/accept.ts";
import { exportTypes } from "../audit/export.ts";
import { toRfc3339 } from "../clock.ts";
import { accessOf, type Reach, type RequestAccess } from "../http/access.ts";
import { listOf, listQuery, pageRequest, toPage } from "../http/paging.ts";
import { Problem } from "../http/problems.ts";
import { closed, oneOf, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import { versionsHere } from "../packages/agent-packages.ts";
import { agentSortFields, findPage } from "./agent-page.ts";
import { findAgents } from "./agents.ts";
import { exportAgents } from "./export.ts";
import { createFacetCounts } from "./facet-counts.ts";
import { type AgentFilter, agentFilters, agentViews, protectionFilters, readAgentFilter } from "./filters.ts";
import { labelsOf } from "./labels.ts";
import { countLookAlikes } from "./look-alikes.ts";
import { matchContext } from "./matching.ts";
import type { AgentServices } from "./routes.ts";
import { agentStates } from "./state.ts";
import { AgentSummary, toSummary } from "./views.ts";

const Query = listQuery(
  {
    ...agentFilters,
    format: Type.Optional(
      oneOf(["json", "csv"], {
        description:
          "csv exports all that the filters name, as a stream, in the order of enrolment; so does an Accept header with text/csv.",
      }),
    ),
  },
  agentSortFields,
);

const countsOf = <Value extends ReturnType<typeof oneOf> | typeof Uuid>(value: Value) =>
  Type.Array(Type.Object({ value, count: Type.Integer() }));

const Facets = Type.Object({
  total: Type.Integer({ description: "Agents that all the filters together name." }),
  platform: countsOf(oneOf(platforms)),
  state: countsOf(oneOf(agentStates)),
  protection: countsOf(oneOf(protectionFilters)),
  view: countsOf(oneOf(agentViews)),
  version: Type.Array(Type.Object({ value: Type.String(), count: Type.Integer() }), {
    description: "The 100 most frequent ones, as in the two lists that follow.",
  }),
  profileId: Type.Array(
    Type.Object({
      value: Uuid,
      name: Type.String(),
      tenant: Type.Object({ id: Uuid, name: Type.String() }),
      count: Type.Integer(),
    }),
  ),
  label: Type.Array(Type.Object({ value: Type.String(), count: Type.Integer() })),
});

const tags = ["agents"];
const reading = { access: { permission: "agent.read", scope: "tenant" } } as const;

/** `/agents` and what belongs to the list: its counts and its export. */
export function agentListRoutes(api: Server, { reads, clock }: Omit<AgentServices, "keys">): void {
  const counts = createFacetCounts(reads, clock);

  api.get(
    "/agents",
    {
      config: reading,
      schema: { tags, summary: "Agents", querystring: Query, response: { 200: listOf(AgentSummary) } },
    },
    async (request, reply) => {
      const { limit, cursor, sort, format: asked, ...given } = request.query;
      const filter = readAgentFilter(given);
      const reach = reachOf(accessOf(request), filter);
      const now = clock.now();
      const context = await matchContext(reads, reach, filter, now);
      reply.header("vary", "accept");
      const format = asked ?? (acceptedExport(request.headers.accept) === "csv" ? "csv" : "json");
      if (format === "csv") {
        refuseWithExport({ limit, cursor, sort });
        const name = `agents-${toRfc3339(now).replaceAll(/[-:]|\..*(?=Z)/g, "")}.csv`;
        return reply
          .type(exportTypes.csv)
          .header("content-disposition", `attachment; filename="${name}"`)
          .send(Readable.from(exportAgents(reads, filter, context)) as never);
      }
      const paging = { ...(limit && { limit }), ...(cursor && { cursor }), ...(sort && { sort }) };
      const page = pageRequest("agents", { ...filter, ...paging }, "hostName");
      const places = await findPage(reads, filter, page, context);
      const ids = places.map(({ id }) => id);
      const agents = new Map((await findAgents(reads, reach, ids)).map((known) => [known.agent.id, known]));
      const labels = await labelsOf(reads, ids);
      const here = await versionsHere(reads);
      const alike = await countLookAlikes(
        reads,
        [...agents.values()].map(({ agent }) => agent),
      );
      const { items, nextCursor } = toPage(
        page,
        places,
        (place) => place,
        ({ id }) => {
          const known = agents.get(id);
          // Deleted in this moment.
          if (known === undefined) return [];
          return [{ ...toSummary(known, labels.get(id) ?? [], now, here), lookAlikeCount: alike.get(id) ?? 0 }];
        },
      );
      return { items: items.flat(), nextCursor };
    },
  );

  api.get(
    "/agents/facets",
    {
      config: reading,
      schema: {
        tags,
        summary: "How many agents each value of each filter would leave",
        querystring: closed(agentFilters),
        response: { 200: Facets },
      },
    },
    async (request) => {
      const filter = readAgentFilter(request.query);
      return counts.of(filter, reachOf(accessOf(request), filter));
    },
  );
}

/** An export has no pages: what cuts or sorts them would be ignored. */
function refuseWithExport(paging: { readonly [name: string]: unknown }): void {
  const errors = Object.entries(paging)
    .filter(([, value]) => value !== undefined)
    .map(([name]) => ({
      pointer: `/${name}`,
      code: "not_with_export",
      detail: "An export has no pages and one order; leave it out.",
    }));
  if (errors.length > 0) throw new Problem("validation_failed", undefined, { errors });
}

/** @throws {Problem} not_found: a tenant out of reach looks like none */
function reachOf(access: RequestAccess, { tenantId }: AgentFilter): Reach {
  for (const id of tenantId ?? []) access.requireTenant(id);
  return tenantId === undefined ? access.reach() : new Set(tenantId);
}
