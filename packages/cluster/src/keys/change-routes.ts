import { Type } from "typebox";
import { Problem } from "../http/problems.ts";
import { closed, nullable, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import { rotatableUses } from "./change-keys.ts";
import { compromiseKey } from "./compromise.ts";
import { destroyKey } from "./destroy.ts";
import { type KeyPermission, permitKeyChange, Reason } from "./permit.ts";
import { type AgentsByBundle, findKeyReach, type KeyReach } from "./reach.ts";
import { rotateKey } from "./rotate.ts";
import { findKey, Key, toKey } from "./routes.ts";

export interface KeyChangeOptions extends KeyPermission {
  readonly agentsByBundle: AgentsByBundle;
}

const Params = closed({ kid: Type.String({ minLength: 1, maxLength: 64, description: "The key's id." }) });

const Named = Type.Object({
  id: Uuid,
  hostName: Type.String(),
  tenant: Type.Object({ id: Uuid, name: Type.String() }),
});
const Group = Type.Object({
  count: Type.Integer(),
  agents: Type.Array(Named, { description: "The first hundred by host name." }),
});
const Reach = Type.Object({
  agents: Type.Integer({ description: "Agents that such a key is for: of a token key Windows agents only." }),
  holding: Type.Integer({ description: "They have acknowledged a trust bundle that has this key." }),
  notHolding: Group,
  stranded: Type.Object(Group.properties, {
    description: "Without this key no token would reach them until they have been connected.",
  }),
});

const Changed = Type.Object({
  made: nullable(Key),
  trustBundleVersion: Type.Integer({ description: "Agents that have acknowledged this or a newer one know of it." }),
});

const tags = ["keys"];
const reading = { access: { permission: "key.read", scope: "cluster" } } as const;
const changing = { access: { permission: "key.manage", scope: "cluster" } } as const;

/** Rotating, withdrawing and destroying keys, and who hangs on one. */
export function keyChangeRoutes(api: Server, options: KeyChangeOptions): void {
  const { agentsByBundle } = options;
  const { reads } = options.store;

  api.get(
    "/keys/:kid/reach",
    {
      config: reading,
      schema: {
        tags,
        summary: "Which agents hold a key, and whom its loss would strand",
        params: Params,
        response: { 200: Reach },
      },
    },
    async (request) => toReach(await findKeyReach(reads, agentsByBundle, await requireKey(request.params.kid))),
  );

  api.post(
    "/keys/:use/rotate",
    {
      config: changing,
      schema: {
        tags,
        summary: "Makes a new token, config or audit key the active one",
        params: closed({ use: Type.String({ maxLength: 64, description: "`token`, `config` or `audit`" }) }),
        body: closed({ reason: Reason }),
        response: { 201: Changed },
      },
    },
    async (request, reply) => {
      const use = rotatableUses.find((one) => one === request.params.use);
      if (use === undefined) throw new Problem("not_found", "Keys that are rotated are: token, config, audit.");
      const change = await permitKeyChange(options, request, "key.rotate", null, (order) =>
        rotateKey(options, use, order),
      );
      return reply.code(201).send(await toChanged(change));
    },
  );

  api.post(
    "/keys/:kid/compromise",
    {
      config: changing,
      schema: {
        tags,
        summary: "Says that somebody else may have a key: it never signs again",
        params: Params,
        body: closed({ reason: Reason }),
        response: { 200: Changed },
      },
    },
    async (request) => {
      const { kid } = await requireKey(request.params.kid);
      return toChanged(
        await permitKeyChange(options, request, "key.compromise", kid, (order) => compromiseKey(options, kid, order)),
      );
    },
  );

  api.post(
    "/keys/:kid/destroy",
    {
      config: changing,
      schema: {
        tags,
        summary: "Destroys the private half of a retired or compromised key",
        params: Params,
        body: closed({
          reason: Reason,
          stranded: Type.Integer({
            minimum: 0,
            maximum: Number.MAX_SAFE_INTEGER,
            description: "How many agents it strands, as the key's reach says: only who knows may do it.",
          }),
        }),
        response: { 200: Key },
      },
    },
    async (request) => {
      const { kid } = await requireKey(request.params.kid);
      await permitKeyChange(options, request, "key.destroy", kid, (order) =>
        destroyKey(options, agentsByBundle, kid, request.body.stranded, order),
      );
      return toKey(await requireKey(kid));
    },
  );

  async function requireKey(kid: string) {
    const row = await findKey(reads, kid);
    if (row === undefined) throw new Problem("not_found", "There is no such key.");
    return row;
  }

  async function toChanged({ madeKid, trustBundleVersion }: { madeKid: string | null; trustBundleVersion: number }) {
    return { made: madeKid === null ? null : toKey(await requireKey(madeKid)), trustBundleVersion };
  }
}

function toReach({ notHolding, stranded, ...counts }: KeyReach) {
  return {
    ...counts,
    notHolding: { ...notHolding, agents: [...notHolding.agents] },
    stranded: { ...stranded, agents: [...stranded.agents] },
  };
}
