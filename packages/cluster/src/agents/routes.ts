import { type Facts, type ProtectionReport, platforms, protectionStates } from "@postern/protocol";
import { Type } from "typebox";
import { type Clock, toRfc3339 } from "../clock.ts";
import { accessOf, type RequestAccess } from "../http/access.ts";
import { listOf, listQuery, pageRequest, toPage } from "../http/paging.ts";
import { Problem } from "../http/problems.ts";
import { IdParams, nullable, oneOf, type Static, Time, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import type { ClusterKeys } from "../keys/cluster-keys.ts";
import type { Db } from "../schema.ts";
import {
  agentSortFields,
  agentStates,
  findAgentAnywhere,
  type KnownAgent,
  listAgents,
  positionOfAgent,
  stateOfAgent,
} from "./agents.ts";
import { desiredRevision } from "./desired-revision.ts";
import { toReportedTime } from "./reported-time.ts";
import type { AgentTable, PresenceTable } from "./tables.ts";

export interface AgentServices {
  readonly reads: Db;
  readonly clock: Clock;
  readonly keys: ClusterKeys;
}

const summary = {
  id: Uuid,
  tenantId: Uuid,
  hostName: Type.String(),
  platform: oneOf(platforms),
  osVersion: Type.String(),
  agentVersion: Type.String(),
  state: oneOf(agentStates),
  protection: nullable(oneOf(protectionStates, { description: "As reported last; null until it has reported." })),
  profileId: Uuid,
  enrolledAt: Time,
  seenAt: Time,
};
const AgentSummary = Type.Object(summary);

const AgentDetail = Type.Object({
  ...summary,
  tenant: Type.Object({ id: Uuid, name: Type.String() }),
  profile: Type.Object({ id: Uuid, name: Type.String() }),
  facts: Type.Object({
    hostName: Type.String(),
    platform: oneOf(platforms),
    osVersion: Type.String(),
    arch: Type.String(),
    agentVersion: Type.String(),
    machineId: Type.String(),
    addresses: Type.Array(Type.String()),
  }),
  protectionReport: nullable(
    Type.Object({
      state: oneOf(protectionStates),
      since: Time,
      budgetLeftSeconds: nullable(Type.Integer()),
      tokenId: nullable(Uuid),
      layers: Type.Record(Type.String(), Type.String()),
    }),
  ),
  config: Type.Object({
    desiredRev: Type.Integer(),
    appliedRev: Type.Integer({ description: "0 until it has reported." }),
    refused: nullable(Type.Object({ rev: Type.Integer(), code: Type.String() })),
  }),
  trustBundle: Type.Object({ current: Type.Integer(), acknowledged: Type.Integer() }),
  identityThumbprint: Type.String(),
  dueAt: Time,
});

const AgentConfig = Type.Object({
  rev: Type.Integer(),
  applied: Type.Boolean(),
  profileId: Uuid,
  config: Type.Object({
    serviceProtection: Type.Object({
      on: Type.Boolean(),
      liftSeconds: Type.Integer(),
      singleUse: Type.Boolean(),
      requireChallenge: Type.Boolean(),
    }),
  }),
});

const Query = listQuery(
  {
    tenantId: Type.Optional(Uuid),
    q: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: "Part of the host name." })),
    platform: Type.Optional(oneOf(platforms)),
    state: Type.Optional(oneOf(agentStates)),
    protection: Type.Optional(oneOf(protectionStates)),
  },
  agentSortFields,
);

const tags = ["agents"];
const reading = { access: { permission: "agent.read", scope: "tenant" } } as const;
const readingOne = { access: { permission: "agent.read", scope: "object" } } as const;

/** `/agents`: what is known of each agent, and what is wanted of it. */
export function agentRoutes(api: Server, { reads, clock, keys }: AgentServices): void {
  api.get(
    "/agents",
    {
      config: reading,
      schema: { tags, summary: "Agents", querystring: Query, response: { 200: listOf(AgentSummary) } },
    },
    async (request) => {
      const access = accessOf(request);
      const { tenantId } = request.query;
      if (tenantId !== undefined) access.requireTenant(tenantId);
      const reach = tenantId === undefined ? access.reach() : new Set([tenantId]);
      const page = pageRequest("agents", request.query, "hostName");
      const now = clock.now();
      const rows = await listAgents(reads, reach, request.query, page, now);
      return toPage(
        page,
        rows,
        (row) => positionOfAgent(row, page.field),
        (row) => toSummary(row, row, now),
      );
    },
  );

  api.get(
    "/agents/:id",
    {
      config: readingOne,
      schema: { tags, summary: "One agent", params: IdParams, response: { 200: AgentDetail } },
    },
    async (request) => {
      const known = await requireAgent(reads, request.params.id, accessOf(request));
      return toDetail(known, keys.trustBundle.version, clock.now());
    },
  );

  api.get(
    "/agents/:id/config",
    {
      config: readingOne,
      schema: { tags, summary: "What is wanted of an agent", params: IdParams, response: { 200: AgentConfig } },
    },
    async (request) => {
      const { agent, profile, revision } = await requireAgent(reads, request.params.id, accessOf(request));
      const { rev } = desiredRevision(revision, agent.applied_rev);
      return {
        rev,
        applied: agent.applied_rev === rev,
        profileId: profile.id,
        config: { serviceProtection: profile.settings.serviceProtection },
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

function toSummary(agent: AgentTable, presence: PresenceTable, now: number): Static<typeof AgentSummary> {
  const facts = JSON.parse(agent.facts) as Facts;
  return {
    id: agent.id,
    tenantId: agent.tenant_id,
    hostName: agent.host_name,
    platform: agent.platform,
    osVersion: facts.osVersion,
    agentVersion: facts.agentVersion,
    state: stateOfAgent(presence, now),
    protection: agent.protection_state,
    profileId: agent.profile_id,
    enrolledAt: toRfc3339(agent.enrolled_at),
    seenAt: toRfc3339(presence.seen_at),
  };
}

function toDetail(
  { agent, presence, profile, tenantName, revision }: KnownAgent,
  bundleVersion: number,
  now: number,
): Static<typeof AgentDetail> {
  return {
    ...toSummary(agent, presence, now),
    tenant: { id: agent.tenant_id, name: tenantName },
    profile: { id: profile.id, name: profile.name },
    facts: JSON.parse(agent.facts) as Facts,
    protectionReport: agent.protection === null ? null : toReport(JSON.parse(agent.protection) as ProtectionReport),
    config: {
      desiredRev: desiredRevision(revision, agent.applied_rev).rev,
      appliedRev: agent.applied_rev,
      refused: refusedOf(agent),
    },
    trustBundle: { current: bundleVersion, acknowledged: agent.bundle_ver },
    identityThumbprint: agent.identity_thumbprint,
    dueAt: toRfc3339(presence.due_at),
  };
}

function refusedOf({ refused_rev: rev, refused_code: code }: AgentTable): { rev: number; code: string } | null {
  return rev === null || code === null ? null : { rev, code };
}

function toReport({ state, since, budgetLeft, jti, layers }: ProtectionReport) {
  return { state, since: toReportedTime(since), budgetLeftSeconds: budgetLeft ?? null, tokenId: jti ?? null, layers };
}
