import { formatActivationKey } from "@postern/protocol";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { Audit } from "../audit/record.ts";
import { type Clock, toRfc3339, toRfc3339OrNull } from "../clock.ts";
import type { NewId, RandomBytes } from "../db/ids.ts";
import { accessOf } from "../http/access.ts";
import { originOf } from "../http/origin.ts";
import { listOf, listQuery, pageRequest, toPage } from "../http/paging.ts";
import { Problem } from "../http/problems.ts";
import { closed, DisplayName, IdParams, NoContent, nullable, oneOf, type Static, Time, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import type { ClusterKeys } from "../keys/cluster-keys.ts";
import type { Store } from "../schema.ts";
import {
  activationKeyStates,
  findKeyAnywhere,
  hashSecret,
  listKeys,
  newSecret,
  revokeKey,
  stateOf,
} from "./activation-keys.ts";
import { agentLimits } from "./limits.ts";
import type { ActivationKeyTable } from "./tables.ts";

export interface ActivationKeyServices {
  readonly store: Store;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly randomBytes: RandomBytes;
  readonly keys: ClusterKeys;
}

const view = {
  id: Uuid,
  tenantId: Uuid,
  description: Type.String(),
  state: oneOf(activationKeyStates),
  uses: Type.Integer(),
  maxUses: Type.Integer(),
  createdAt: Time,
  createdBy: Type.String(),
  expiresAt: Time,
  revokedAt: nullable(Time),
};
const ActivationKeyView = Type.Object(view);

const NewActivationKey = Type.Object(
  { ...view, key: Type.String({ description: "The activation key; it is shown this once." }) },
  { description: "A new activation key." },
);

const NewActivationKeyBody = closed({
  tenantId: Uuid,
  description: Type.Optional(DisplayName),
  expiresAt: Type.Optional(Time),
  maxUses: Type.Optional(Type.Integer({ minimum: 1, maximum: agentLimits.activationKeyMaxUses })),
});

const tags = ["activation keys"];
const reading = { access: { permission: "activation-key.read", scope: "tenant" } } as const;
const creating = { access: { permission: "activation-key.manage", scope: "tenant" } } as const;
const revoking = { access: { permission: "activation-key.manage", scope: "object" } } as const;

/** `/activation-keys`: what agents present to enrol into a tenant. */
export function activationKeyRoutes(api: Server, services: ActivationKeyServices): void {
  const { store, audit, clock, newId, randomBytes } = services;

  api.get(
    "/activation-keys",
    {
      config: reading,
      schema: {
        tags,
        summary: "Activation keys, without their secrets",
        querystring: listQuery({ tenantId: Type.Optional(Uuid) }, ["createdAt"]),
        response: { 200: listOf(ActivationKeyView) },
      },
    },
    async (request) => {
      const access = accessOf(request);
      const { tenantId } = request.query;
      if (tenantId !== undefined) access.requireTenant(tenantId);
      const reach = tenantId === undefined ? access.reach() : new Set([tenantId]);
      const page = pageRequest("activation-keys", request.query, "-createdAt");
      const rows = await listKeys(store.reads, reach, page);
      return toPage(
        page,
        rows,
        (row) => ({ key: row.created_at, id: row.id }),
        (row) => toView(row, clock.now()),
      );
    },
  );

  api.post(
    "/activation-keys",
    {
      config: creating,
      schema: {
        tags,
        summary: "Makes an activation key: 7 days and one use, unless set otherwise",
        body: NewActivationKeyBody,
        response: { 201: NewActivationKey },
      },
    },
    async (request, reply) => {
      const { tenantId, description = "", expiresAt, maxUses = agentLimits.activationKeyDefaultUses } = request.body;
      accessOf(request).requireTenant(tenantId);
      const now = clock.now();
      const secret = newSecret(randomBytes);
      const origin = originOf(request);
      const row: ActivationKeyTable = {
        id: newId(),
        tenant_id: tenantId,
        description,
        secret_hash: hashSecret(secret),
        created_at: now,
        created_by: origin.who.name,
        expires_at: expiresAt === undefined ? now + agentLimits.activationKeyDefaultMs : endOf(expiresAt, now),
        max_uses: maxUses,
        uses: 0,
        revoked_at: null,
      };
      await store.durable(async (tx) => {
        await tx.insertInto("activation_key").values(row).execute();
        audit.record(tx, {
          ...auditOf(request, "activation-key.create", row),
          details: { expiresAt: toRfc3339(row.expires_at), maxUses },
        });
      });
      const key = formatActivationKey({ id: row.id, secret, rootThumbprint: rootOf(services.keys) });
      return reply.code(201).send({ ...toView(row, now), key });
    },
  );

  api.delete(
    "/activation-keys/:id",
    {
      config: revoking,
      schema: {
        tags,
        summary: "Revokes an activation key; agents that enrolled with it stay",
        params: IdParams,
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      const key = await findKeyAnywhere(store.reads, request.params.id);
      if (key === undefined) throw new Problem("not_found");
      accessOf(request).requireTenant(key.tenant_id);
      await store.durable(async (tx) => {
        const revoked = await revokeKey(tx, key.tenant_id, key.id, clock.now());
        if (revoked) audit.record(tx, auditOf(request, "activation-key.revoke", key));
      });
      return reply.code(204).send(null);
    },
  );
}

/** The root that signed the trust bundle: the one that a new agent is to pin. */
function rootOf({ rootThumbprints: [root] }: ClusterKeys): string {
  if (root === undefined) throw new Problem("internal");
  return root;
}

/** @throws {Problem} validation_failed */
function endOf(expiresAt: string, now: number): number {
  const end = Date.parse(expiresAt);
  if (end > now && end <= now + agentLimits.activationKeyMaxMs) return end;
  const detail = "It must lie in the future, and not more than 366 days ahead.";
  throw new Problem("validation_failed", undefined, {
    errors: [{ pointer: "/expiresAt", code: "out_of_range", detail }],
  });
}

function toView(key: ActivationKeyTable, now: number): Static<typeof ActivationKeyView> {
  return {
    id: key.id,
    tenantId: key.tenant_id,
    description: key.description,
    state: stateOf(key, now),
    uses: key.uses,
    maxUses: key.max_uses,
    createdAt: toRfc3339(key.created_at),
    createdBy: key.created_by,
    expiresAt: toRfc3339(key.expires_at),
    revokedAt: toRfc3339OrNull(key.revoked_at),
  };
}

function auditOf(request: FastifyRequest, action: string, key: ActivationKeyTable) {
  return {
    tenantId: key.tenant_id,
    action,
    outcome: "done" as const,
    origin: originOf(request),
    target: { kind: "activation-key", id: key.id, ...(key.description !== "" && { name: key.description }) },
  };
}
