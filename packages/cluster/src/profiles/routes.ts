import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { Audit } from "../audit/record.ts";
import type { ChangePublisher } from "../change-feed.ts";
import { type Clock, toRfc3339 } from "../clock.ts";
import type { NewId } from "../db/ids.ts";
import { accessOf } from "../http/access.ts";
import { etagOf, requireMatch } from "../http/etag.ts";
import { originOf } from "../http/origin.ts";
import { listOf, listQuery, pageRequest, toPage } from "../http/paging.ts";
import { Problem } from "../http/problems.ts";
import { closed, DisplayName, IdParams, NoContent, nullable, type Static, Time, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import { principalOf } from "../identity/principal.ts";
import { versionsHere } from "../packages/agent-packages.ts";
import type { Store } from "../schema.ts";
import { changesOf } from "./changes.ts";
import {
  changeProfile,
  createProfile,
  deleteProfile,
  findProfileAnywhere,
  listProfiles,
  type Profile,
  type ProfileUse,
  toProfile,
} from "./profiles.ts";
import { requirePasswordToSwitchOff } from "./require-password.ts";
import { settingMembers, settingPatchMembers, settingsView } from "./setting-schemas.ts";

export interface ProfileServices {
  readonly store: Store;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly feed: ChangePublisher;
  readonly use: ProfileUse;
}

export const ProfileView = Type.Object({
  id: Uuid,
  tenantId: Uuid,
  name: Type.String(),
  isDefault: Type.Boolean(),
  ...settingMembers,
  packageHere: nullable(
    Type.Boolean({ description: "Whether there is a package of the version that is wanted; null: none is wanted." }),
  ),
  createdAt: Time,
  changedAt: Time,
});

const NewProfileBody = closed({
  tenantId: Uuid,
  name: DisplayName,
  ...settingPatchMembers,
});

const ProfilePatchBody = closed({
  name: Type.Optional(DisplayName),
  ...settingPatchMembers,
});

const tags = ["profiles"];
const reading = { access: { permission: "profile.read", scope: "tenant" } } as const;
const readingOne = { access: { permission: "profile.read", scope: "object" } } as const;
const creating = { access: { permission: "profile.manage", scope: "tenant" } } as const;
const changing = { access: { permission: "profile.manage", scope: "object" } } as const;

/** `/profiles`: the agent config profiles of a tenant. A change reaches connected agents at once. */
export function profileRoutes(api: Server, { store, audit, clock, newId, feed, use }: ProfileServices): void {
  api.get(
    "/profiles",
    {
      config: reading,
      schema: {
        tags,
        summary: "Agent config profiles",
        querystring: listQuery({ tenantId: Type.Optional(Uuid) }, ["name"]),
        response: { 200: listOf(ProfileView) },
      },
    },
    async (request) => {
      const access = accessOf(request);
      const { tenantId } = request.query;
      if (tenantId !== undefined) access.requireTenant(tenantId);
      const reach = tenantId === undefined ? access.reach() : new Set([tenantId]);
      const page = pageRequest("profiles", request.query, "name");
      const rows = await listProfiles(store.reads, reach, page);
      const here = await versionsHere(store.reads);
      return toPage(
        page,
        rows,
        (row) => ({ key: row.name_search, id: row.id }),
        (row) => toView(toProfile(row), here),
      );
    },
  );

  api.post(
    "/profiles",
    {
      config: creating,
      schema: { tags, summary: "Makes a profile", body: NewProfileBody, response: { 201: ProfileView } },
    },
    async (request, reply) => {
      const { tenantId, name, ...settings } = request.body;
      accessOf(request).requireTenant(tenantId);
      const profile = await store.durable(async (tx) => {
        const made = await createProfile(
          tx,
          { id: newId(), tenantId, name, settings },
          accessOf(request).who,
          clock.now(),
        );
        audit.record(tx, {
          ...auditOf(request, "profile.create", made),
          details: { ...made.settings },
        });
        return made;
      });
      return reply
        .code(201)
        .header("etag", etagOf(profile.changedAt))
        .send(toView(profile, await versionsHere(store.reads)));
    },
  );

  api.get(
    "/profiles/:id",
    { config: readingOne, schema: { tags, summary: "One profile", params: IdParams, response: { 200: ProfileView } } },
    async (request, reply) => {
      const profile = await profileInReach(request);
      return reply.header("etag", etagOf(profile.changedAt)).send(toView(profile, await versionsHere(store.reads)));
    },
  );

  api.patch(
    "/profiles/:id",
    {
      config: changing,
      schema: {
        tags,
        summary: "Changes a profile (RFC 7396); connected agents have it within about a second",
        description: "Switching service protection off asks for the password again.",
        params: IdParams,
        body: ProfilePatchBody,
        response: { 200: ProfileView },
      },
    },
    async (request, reply) => {
      const { tenantId, id } = await profileInReach(request);
      const { after } = await store.durable(async (tx) => {
        const change = { patch: request.body, who: accessOf(request).who };
        const matching = (current: Profile) => requireMatch(request, current.changedAt);
        const changed = await changeProfile(tx, tenantId, id, change, clock.now(), matching, use);
        requirePasswordToSwitchOff(changed, principalOf(request), clock.now());
        if (changed.after !== changed.before) {
          audit.record(tx, {
            ...auditOf(request, "profile.change", changed.after),
            details: changesOf(changed.before, changed.after),
          });
          feed.publish(tx, { kind: "profile", tenantId, profileId: id });
          await use.changed(tx, tenantId, id);
        }
        return changed;
      });
      return reply.header("etag", etagOf(after.changedAt)).send(toView(after, await versionsHere(store.reads)));
    },
  );

  api.delete(
    "/profiles/:id",
    {
      config: changing,
      schema: { tags, summary: "Deletes a profile", params: IdParams, response: { 204: NoContent } },
    },
    async (request, reply) => {
      const { tenantId, id } = await profileInReach(request);
      await store.durable(async (tx) => {
        const profile = await deleteProfile(
          tx,
          tenantId,
          id,
          (current) => requireMatch(request, current.changedAt),
          use,
        );
        audit.record(tx, auditOf(request, "profile.delete", profile));
      });
      return reply.code(204).send(null);
    },
  );

  async function profileInReach(request: FastifyRequest<{ Params: Static<typeof IdParams> }>): Promise<Profile> {
    const profile = await findProfileAnywhere(store.reads, request.params.id);
    if (profile === undefined) throw new Problem("not_found");
    accessOf(request).requireTenant(profile.tenantId);
    return profile;
  }
}

/** @param here the versions of which there is a package */
export function toView(profile: Profile, here: ReadonlySet<string>): Static<typeof ProfileView> {
  const { id, tenantId, name, isDefault, settings, createdAt, changedAt } = profile;
  return {
    id,
    tenantId,
    name,
    isDefault,
    ...settingsView(settings),
    packageHere: settings.desiredVersion === null ? null : here.has(settings.desiredVersion),
    createdAt: toRfc3339(createdAt),
    changedAt: toRfc3339(changedAt),
  };
}

function auditOf(request: FastifyRequest, action: string, { id, name, tenantId }: Profile) {
  return {
    tenantId,
    action,
    outcome: "done" as const,
    origin: originOf(request),
    target: { kind: "profile", id, name },
  };
}
