import { maxRootChangeChars, maxRootChanges } from "@postern/protocol";
import { Type } from "typebox";
import type { Clock } from "../clock.ts";
import { closed, oneOf, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import type { Db } from "../schema.ts";
import { changeRoots, prepareRoot, readRootsVersion } from "./change-roots.ts";
import { type KeyPermission, permitKeyChange, Reason } from "./permit.ts";
import type { AgentsByBundle } from "./reach.ts";
import { keyStates } from "./tables.ts";

export interface RootOptions extends KeyPermission {
  readonly agentsByBundle: AgentsByBundle;
  /** Activation keys of all tenants that still enrol agents. */
  countUsableActivationKeys(db: Db, now: number): Promise<number>;
  readonly clock: Clock;
}

const Kid = Type.String({ minLength: 43, maxLength: 43, description: "RFC 7638 thumbprint" });
const PublicJwk = closed({
  kty: Type.Literal("OKP"),
  crv: Type.Literal("Ed25519"),
  x: Type.String({ minLength: 43, maxLength: 43 }),
});

const Roots = Type.Object({
  clusterId: Uuid,
  rootsVersion: Type.Integer({ description: "How often the roots were changed." }),
  changesLeft: Type.Integer({ description: "How often they can still be changed in the life of this cluster." }),
  roots: Type.Array(
    Type.Object({
      kid: Kid,
      state: oneOf(keyStates),
      isFirst: Type.Boolean({ description: "It signs trust bundles, and activation keys name it." }),
      isHere: Type.Boolean({ description: "The node that answers has its private half." }),
    }),
    { description: "The roots of now, the first of them first." },
  ),
  agents: Type.Object({
    count: Type.Integer(),
    behind: Type.Integer({ description: "They have not acknowledged the newest trust bundle." }),
  }),
  usableActivationKeys: Type.Integer({
    description:
      "They name the first root. With them agents enrol after a change that it has signed, and after no other.",
  }),
});

const Prepared = Type.Object({
  clusterId: Uuid,
  rootsVersion: Type.Integer({ description: "`ver` of the root change." }),
  kid: Kid,
  publicJwk: Type.Object(PublicJwk.properties),
});

const Changed = Type.Object({
  rootsVersion: Type.Integer(),
  trustBundleVersion: Type.Integer({
    description: "Agents that have acknowledged this or a newer one pin the new roots.",
  }),
  roots: Type.Array(Kid),
});

const tags = ["keys"];
const reading = { access: { permission: "key.read", scope: "cluster" } } as const;
const changing = { access: { permission: "key.manage", scope: "cluster" } } as const;

/** The cluster's roots, and changing them. */
export function rootRoutes(api: Server, options: RootOptions): void {
  const { store, keys, keyStore, clock, agentsByBundle } = options;
  const { reads } = store;

  api.get(
    "/keys/roots",
    {
      config: reading,
      schema: { tags, summary: "The roots, and whom a change of them concerns", response: { 200: Roots } },
    },
    async () => {
      const { clusterId, rootThumbprints, trustBundle } = await keys.fresh();
      const rootsVersion = await readRootsVersion(reads);
      const rows = await reads.selectFrom("signing_key").select(["kid", "state"]).where("use", "=", "root").execute();
      const states = new Map(rows.map(({ kid, state }) => [kid, state]));
      const counts = await agentsByBundle.count(reads, false);
      const sum = (some: typeof counts) => some.reduce((total, { count }) => total + count, 0);
      return {
        clusterId,
        rootsVersion,
        changesLeft: maxRootChanges - rootsVersion,
        roots: await Promise.all(
          rootThumbprints.map(async (kid, index) => ({
            kid,
            state: states.get(kid) ?? "active",
            isFirst: index === 0,
            isHere: await keyStore.has(kid),
          })),
        ),
        agents: { count: sum(counts), behind: sum(counts.filter(({ version }) => version < trustBundle.version)) },
        usableActivationKeys: await options.countUsableActivationKeys(reads, clock.now()),
      };
    },
  );

  api.post(
    "/keys/roots/prepare",
    {
      config: changing,
      schema: {
        tags,
        summary: "Makes a root for a change of the roots; nothing else changes yet",
        body: closed({ reason: Reason }),
        response: { 201: Prepared },
      },
    },
    async (request, reply) =>
      reply
        .code(201)
        .send(
          await permitKeyChange(options, request, "key.prepare-root", null, (order) => prepareRoot(options, order)),
        ),
  );

  api.post(
    "/keys/roots/change",
    {
      config: changing,
      schema: {
        tags,
        summary: "Changes the roots: a root of now signs for the new ones",
        body: closed({
          reason: Reason,
          firstRoot: Kid,
          secondRoot: Type.Optional(PublicJwk),
          change: Type.Optional(
            Type.String({
              maxLength: maxRootChangeChars,
              pattern: "^[A-Za-z0-9_.-]+$",
              mustBe: "a signed root change",
              description:
                "The signed root change (JWS); without it the first root of now signs it, if this node has it.",
            }),
          ),
          compromised: Type.Boolean({ description: "Somebody else may have the first root of now." }),
        }),
        response: { 200: Changed },
      },
    },
    async (request) => {
      const { firstRoot, secondRoot = null, change = null, compromised } = request.body;
      const changed = await permitKeyChange(options, request, "key.change-roots", firstRoot, (order) =>
        changeRoots(options, order, { firstRoot, secondRoot, change, compromised }),
      );
      return { ...changed, roots: [...changed.roots] };
    },
  );
}
