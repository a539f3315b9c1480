import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { toRfc3339 } from "../clock.ts";
import { accessOf } from "../http/access.ts";
import { etagOf, requireMatch } from "../http/etag.ts";
import { originOf } from "../http/origin.ts";
import { listOf, listQuery, pageRequest, toPage } from "../http/paging.ts";
import { Problem } from "../http/problems.ts";
import { closed, IdParams, nullable, type Static, Time } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import { principalOf } from "../identity/principal.ts";
import { versionsHere } from "../packages/agent-packages.ts";
import { changesOf } from "./changes.ts";
import { changeProfile, findProfileAnywhere, type Profile } from "./profiles.ts";
import { requirePasswordToSwitchOff } from "./require-password.ts";
import { type ProfileServices, ProfileView, toView } from "./routes.ts";
import { ServiceProtectionPatch, settingMembers, settingsView } from "./setting-schemas.ts";
import { applyPatch } from "./settings.ts";
import { findVersion, listVersions } from "./versions.ts";

const VersionView = Type.Object({
  version: Type.Integer({ description: "1, 2, 3 …" }),
  name: Type.String(),
  ...settingMembers,
  changes: Type.Record(Type.String(), Type.Object({ from: Type.Unknown(), to: Type.Unknown() }), {
    description: "What differs from the version before, by member.",
  }),
  madeAt: Time,
  madeBy: Type.Object({ id: nullable(Type.String()), name: Type.String() }),
  rollbackOf: nullable(Type.Integer({ description: "The version whose settings this one put back." })),
});

const ProfilePreview = Type.Object({
  agents: Type.Integer({ description: "Windows agents that have the profile." }),
  gains: Type.Integer({ description: "Those among them that would gain protection." }),
  loses: Type.Integer({ description: "Those among them that would lose it." }),
});

const tags = ["profiles"];
const reading = { access: { permission: "profile.read", scope: "object" } } as const;
const changing = { access: { permission: "profile.manage", scope: "object" } } as const;

/** What a profile was, what it would do to its agents, and the way back. */
export function versionRoutes(api: Server, { store, audit, clock, feed, use }: ProfileServices): void {
  api.get(
    "/profiles/:id/versions",
    {
      config: reading,
      schema: {
        tags,
        summary: "The states that a profile was in, with who made them and what differs",
        params: IdParams,
        querystring: listQuery({}, ["version"]),
        response: { 200: listOf(VersionView) },
      },
    },
    async (request) => {
      const { id, tenantId } = await profileInReach(request);
      const page = pageRequest(`profiles/${id}/versions`, request.query, "-version");
      const rows = await listVersions(store.reads, tenantId, id, page);
      return toPage(
        page,
        rows,
        ({ version }) => ({ key: version.version, id }),
        ({ version, before }) => ({
          version: version.version,
          name: version.name,
          ...settingsView(version.settings),
          changes: before === null ? {} : changesOf(before, version),
          madeAt: toRfc3339(version.madeAt),
          madeBy: version.madeBy,
          rollbackOf: version.rollbackOf,
        }),
      );
    },
  );

  api.post(
    "/profiles/:id/rollback",
    {
      config: changing,
      schema: {
        tags,
        summary: "Puts the settings of an earlier version back, as a new version; the name stays",
        description: "Switching service protection off asks for the password again.",
        params: IdParams,
        body: closed({ version: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) }),
        response: { 200: ProfileView },
      },
    },
    async (request, reply) => {
      const { id, tenantId } = await profileInReach(request);
      const { version } = request.body;
      const after = await store.durable(async (tx) => {
        const wanted = await findVersion(tx, tenantId, id, version);
        if (wanted === undefined) throw new Problem("not_found", "The profile has no such version.");
        const matching = (current: Profile) => requireMatch(request, current.changedAt);
        const change = { patch: wanted.settings, who: accessOf(request).who, rollbackOf: version };
        const changed = await changeProfile(tx, tenantId, id, change, clock.now(), matching, use);
        requirePasswordToSwitchOff(changed, principalOf(request), clock.now());
        if (changed.after !== changed.before) {
          audit.record(tx, {
            tenantId,
            action: "profile.rollback",
            outcome: "done",
            origin: originOf(request),
            target: { kind: "profile", id, name: changed.after.name },
            details: { version, ...changesOf(changed.before, changed.after) },
          });
          feed.publish(tx, { kind: "profile", tenantId, profileId: id });
          await use.changed(tx, tenantId, id);
        }
        return changed.after;
      });
      return reply.header("etag", etagOf(after.changedAt)).send(toView(after, await versionsHere(store.reads)));
    },
  );

  api.post(
    "/profiles/:id/preview",
    {
      config: reading,
      schema: {
        tags,
        summary: "How many agents would gain and lose protection by a change of the profile",
        params: IdParams,
        body: closed({ serviceProtection: Type.Optional(ServiceProtectionPatch) }),
        response: { 200: ProfilePreview },
      },
    },
    async (request) => {
      const { id, tenantId, settings } = await profileInReach(request);
      const { on } = applyPatch(settings, request.body).serviceProtection;
      const agents = await use.countWindowsAgents(store.reads, tenantId, id);
      const isOn = settings.serviceProtection.on;
      return { agents, gains: on && !isOn ? agents : 0, loses: !on && isOn ? agents : 0 };
    },
  );

  async function profileInReach(request: FastifyRequest<{ Params: Static<typeof IdParams> }>): Promise<Profile> {
    const profile = await findProfileAnywhere(store.reads, request.params.id);
    if (profile === undefined) throw new Problem("not_found");
    accessOf(request).requireTenant(profile.tenantId);
    return profile;
  }
}
