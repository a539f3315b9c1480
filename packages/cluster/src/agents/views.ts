import { type Facts, type ProtectionReport, platforms, protectionStates } from "@postern/protocol";
import { Type } from "typebox";
import { toRfc3339 } from "../clock.ts";
import { nullable, oneOf, type Static, Time, Uuid } from "../http/schema.ts";
import type { KnownAgent } from "./agents.ts";
import { wantedSettings } from "./decommission.ts";
import { desiredRevision } from "./desired-revision.ts";
import { lifecycleMembers, lifecycleOf } from "./lifecycle-view.ts";
import { isConfigApplied, protectionGapOf, protectionGaps } from "./protection-gap.ts";
import { toReportedTime } from "./reported-time.ts";
import { agentStates, stateOfAgent } from "./state.ts";
import type { AgentTable } from "./tables.ts";
import { updateOf, updateStates } from "./update-state.ts";

const summary = {
  id: Uuid,
  tenantId: Uuid,
  hostName: Type.String(),
  platform: oneOf(platforms),
  osVersion: Type.String(),
  agentVersion: Type.String(),
  state: oneOf(agentStates),
  protection: nullable(oneOf(protectionStates, { description: "As reported last; null until it has reported." })),
  protectionSince: nullable(Time),
  protectionGap: nullable(
    oneOf(protectionGaps, { description: "Why protection or config is not the one wanted; null: it is." }),
  ),
  wouldDrop: nullable(
    Type.Object(
      { profileId: Uuid, since: Time },
      { description: "Its facts alone would move it to this unprotecting profile; it waits for a user to confirm." },
    ),
  ),
  config: Type.Object({
    desiredRev: Type.Integer(),
    appliedRev: Type.Integer({ description: "0 until it has reported." }),
    refused: nullable(Type.Object({ rev: Type.Integer(), code: Type.String() })),
  }),
  update: nullable(
    Type.Object(
      { desiredVersion: Type.String(), state: oneOf(updateStates) },
      { description: "How far it is on its way to the version that its profile wants; null: none is wanted of it." },
    ),
  ),
  profileId: Uuid,
  profile: Type.Object({ id: Uuid, name: Type.String() }),
  tenant: Type.Object({ id: Uuid, name: Type.String() }),
  addresses: Type.Array(Type.String()),
  labels: Type.Array(Type.String()),
  enrolledAt: Time,
  seenAt: Time,
  dueAt: Time,
  lookAlikeCount: Type.Optional(
    Type.Integer({
      description: "In the list: other agents of the tenant with its machine id, or its host name, whichever are more.",
    }),
  ),
};
export const AgentSummary = Type.Object(summary);
export type AgentSummary = Static<typeof AgentSummary>;

const LookAlikes = Type.Array(
  Type.Object({
    id: Uuid,
    hostName: Type.String(),
    sameMachine: Type.Boolean({ description: "It reports the same machine id; else only the same host name." }),
  }),
  { description: "Where the agent is read: others of its tenant that look like the same machine, twenty at most." },
);

export const AgentDetail = Type.Object({
  ...summary,
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
      otherServices: Type.Array(Type.Object({ name: Type.String(), state: Type.String() }), {
        description: "What became of the services that its profile names beside the agent's own.",
      }),
    }),
  ),
  trustBundle: Type.Object({ current: Type.Integer(), acknowledged: Type.Integer() }),
  identityThumbprint: Type.String(),
  ...lifecycleMembers,
  lookAlikes: Type.Optional(LookAlikes),
});

/** @param here the versions of which there is a package */
export function toSummary(
  { agent, presence, profile, tenantName, revision }: KnownAgent,
  labels: readonly string[],
  now: number,
  here: ReadonlySet<string>,
): AgentSummary {
  const facts = JSON.parse(agent.facts) as Facts;
  const protection = agent.protection === null ? null : (JSON.parse(agent.protection) as ProtectionReport);
  return {
    id: agent.id,
    tenantId: agent.tenant_id,
    hostName: agent.host_name,
    platform: agent.platform,
    osVersion: facts.osVersion,
    agentVersion: facts.agentVersion,
    state: stateOfAgent(agent, presence, now),
    protection: agent.protection_state,
    protectionSince: protection === null ? null : toReportedTime(protection.since),
    protectionGap: gapOf({ agent, profile, revision }),
    wouldDrop: wouldDropOf(agent),
    config: {
      desiredRev: desiredRevision(revision, agent.applied_rev).rev,
      appliedRev: agent.applied_rev,
      refused: refusedOf(agent),
    },
    update: updateOf(
      { platform: agent.platform, agentVersion: facts.agentVersion },
      profile.settings.desiredVersion,
      here,
    ),
    profileId: agent.profile_id,
    profile: { id: profile.id, name: profile.name },
    tenant: { id: agent.tenant_id, name: tenantName },
    addresses: facts.addresses,
    labels: [...labels],
    enrolledAt: toRfc3339(agent.enrolled_at),
    seenAt: toRfc3339(presence.seen_at),
    dueAt: toRfc3339(presence.due_at),
  };
}

export function toDetail(
  known: KnownAgent,
  labels: readonly string[],
  bundleVersion: number,
  now: number,
  here: ReadonlySet<string>,
): Static<typeof AgentDetail> {
  const { agent } = known;
  return {
    ...toSummary(known, labels, now, here),
    facts: JSON.parse(agent.facts) as Facts,
    protectionReport: agent.protection === null ? null : toReport(JSON.parse(agent.protection) as ProtectionReport),
    trustBundle: { current: bundleVersion, acknowledged: agent.bundle_ver },
    identityThumbprint: agent.identity_thumbprint,
    ...lifecycleOf(agent),
  };
}

function gapOf({ agent, profile, revision }: Pick<KnownAgent, "agent" | "profile" | "revision">) {
  return protectionGapOf({
    standing: agent.standing,
    platform: agent.platform,
    protection: agent.protection_state,
    isApplied: isConfigApplied(agent, revision),
    hasRefused: agent.refused_rev !== null,
    isWanted: wantedSettings({ agent, profile }).serviceProtection.on,
  });
}

function wouldDropOf({ would_drop_profile_id: profileId, would_drop_since: since }: AgentTable) {
  return profileId === null || since === null ? null : { profileId, since: toRfc3339(since) };
}

function refusedOf({ refused_rev: rev, refused_code: code }: AgentTable): { rev: number; code: string } | null {
  return rev === null || code === null ? null : { rev, code };
}

function toReport({ state, since, budgetLeft, jti, layers, services = [] }: ProtectionReport) {
  const lift = { budgetLeftSeconds: budgetLeft ?? null, tokenId: jti ?? null };
  return { state, since: toReportedTime(since), ...lift, layers, otherServices: services };
}
