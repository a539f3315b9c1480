import { Type } from "typebox";
import { toRfc3339, toRfc3339OrNull } from "../clock.ts";
import { onPage } from "../db/keyset.ts";
import { listOf, listQuery, pageRequest, toPage } from "../http/paging.ts";
import { nullable, oneOf, Time } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import type { Db } from "../schema.ts";
import { type KeyCopyTable, keyStates, keyUses, type SigningKeyTable } from "./tables.ts";

const PublicJwk = Type.Object({ kty: Type.Literal("OKP"), crv: Type.Literal("Ed25519"), x: Type.String() });

export const Key = Type.Object({
  kid: Type.String({ description: "RFC 7638 thumbprint" }),
  use: oneOf(keyUses),
  state: oneOf(keyStates),
  publicJwk: PublicJwk,
  createdAt: Time,
  stateChangedAt: Time,
  destroyedAt: nullable(Time),
});

const Query = listQuery({ use: Type.Optional(oneOf(keyUses)), state: Type.Optional(oneOf(keyStates)) }, ["createdAt"]);

export function keyRoutes(api: Server, reads: Db): void {
  const config = { access: { permission: "key.read", scope: "cluster" } } as const;
  api.get(
    "/keys",
    {
      config,
      schema: { tags: ["keys"], summary: "The cluster's keys", querystring: Query, response: { 200: listOf(Key) } },
    },
    async (request) => {
      const { use, state } = request.query;
      const page = pageRequest("keys", request.query, "createdAt");
      let query = selectKeys(reads);
      if (use !== undefined) query = query.where("use", "=", use);
      if (state !== undefined) query = query.where("state", "=", state);
      const rows = await onPage(query, { key: "created_at", id: "signing_key.kid" }, page).execute();
      return toPage(page, rows, (row) => ({ key: row.created_at, id: row.kid }), toKey);
    },
  );
}

export type KeyRow = SigningKeyTable & Pick<KeyCopyTable, "destroyed_at">;

function selectKeys(db: Db) {
  return db
    .selectFrom("signing_key")
    .leftJoin("key_copy", "key_copy.kid", "signing_key.kid")
    .selectAll("signing_key")
    .select("destroyed_at");
}

export async function findKey(db: Db, kid: string): Promise<KeyRow | undefined> {
  return selectKeys(db).where("signing_key.kid", "=", kid).executeTakeFirst();
}

const JwkSet = Type.Object({
  keys: Type.Array(
    Type.Object({
      ...PublicJwk.properties,
      kid: Type.String(),
      use: Type.Literal("sig"),
      alg: Type.Literal("Ed25519"),
    }),
  ),
});

/**
 * `/.well-known/jwks.json` (RFC 7517): what the cluster signs tokens, configs and checkpoints of
 * the audit log with, for whoever wants to check one.
 */
export function jwksRoute(app: Server, reads: Db): void {
  app.get(
    "/.well-known/jwks.json",
    {
      config: { access: { permission: "jwks.read", scope: "public" } },
      schema: { tags: ["keys"], summary: "The cluster's public keys", response: { 200: JwkSet } },
    },
    async () => {
      const rows = await reads
        .selectFrom("signing_key")
        .selectAll()
        .where("use", "in", ["token", "config", "audit"])
        .where("state", "!=", "compromised")
        .orderBy("created_at")
        .orderBy("kid")
        .execute();
      return {
        keys: rows.map((row) => ({ ...publicJwkOf(row), kid: row.kid, use: "sig" as const, alg: "Ed25519" as const })),
      };
    },
  );
}

export function toKey(row: KeyRow) {
  return {
    kid: row.kid,
    use: row.use,
    state: row.state,
    publicJwk: publicJwkOf(row),
    createdAt: toRfc3339(row.created_at),
    stateChangedAt: toRfc3339(row.state_changed_at),
    destroyedAt: toRfc3339OrNull(row.destroyed_at),
  };
}

function publicJwkOf(row: SigningKeyTable): Type.Static<typeof PublicJwk> {
  return JSON.parse(row.public_jwk) as Type.Static<typeof PublicJwk>;
}
