import type { FastifyRequest } from "fastify";
import type { Clock } from "../clock.ts";
import { gatherReads } from "../db/gathered-reads.ts";
import { keepQuery } from "../db/kept-query.ts";
import { Problem } from "../http/problems.ts";
import type { Db, Durable } from "../schema.ts";
import { findBindings, toBinding } from "./bindings.ts";
import { identityLimits } from "./limits.ts";
import { covers } from "./permissions.ts";
import type { Principal } from "./principal.ts";
import type { RoleBinding } from "./roles.ts";
import { apiKeyPrefix, hashSecret } from "./secrets.ts";
import { hasPassword } from "./users.ts";

export interface IdentifyOptions {
  readonly reads: Db;
  readonly durable: Durable;
  readonly clock: Clock;
  readonly cookieName: string;
}

/**
 * Finds out who sent a request, by its API key or its session cookie. Roles are read each time: taking one away counts
 * from the next request on.
 *
 * @throws {Problem} unauthenticated: no credentials, or they are unknown, ended, or of a disabled user
 */
export async function identify(request: FastifyRequest, options: IdentifyOptions): Promise<Principal> {
  const { authorization } = request.headers;
  if (authorization !== undefined) return identifyByApiKey(authorization, options);
  const cookie = request.cookies[options.cookieName];
  if (cookie !== undefined && cookie !== "") return identifyBySession(cookie, options);
  throw new Problem("unauthenticated");
}

async function identifyBySession(cookie: string, { reads, durable, clock }: IdentifyOptions): Promise<Principal> {
  const now = clock.now();
  const session = await findSession(reads, hashSecret(cookie));
  if (
    session === undefined ||
    session.ends_at <= now ||
    session.seen_at <= now - identityLimits.sessionIdleMs ||
    session.disabled !== 0
  ) {
    throw new Problem("unauthenticated", "The session has ended. Log in again.");
  }
  if (now - session.seen_at >= identityLimits.seenStepMs) {
    await durable((tx) => tx.updateTable("session").set({ seen_at: now }).where("id", "=", session.id).execute());
  }
  return {
    kind: "user",
    userId: session.user_id,
    who: { kind: "user", id: session.user_id, name: session.name },
    bindings: await bindingsOfUser(reads, session.user_id),
    passwordGivenAt: session.password_given_at,
    hasPassword: hasPassword(session),
    credentialId: session.id,
  };
}

const selectSessions = keepQuery((db: Db, { hashes }: { readonly hashes: readonly string[] }) =>
  db
    .selectFrom("session")
    .innerJoin("user_account", "user_account.id", "session.user_id")
    .select(["session.id", "session.user_id", "session.seen_at", "session.ends_at", "session.password_given_at"])
    .select(["session.secret_hash", "user_account.name", "user_account.password_hash", "user_account.disabled"])
    .where("session.secret_hash", "in", hashes),
);

const findSession = gatherReads(async (db: Db, hashes) => byHash(await selectSessions(db, { hashes })));

async function identifyByApiKey(authorization: string, { reads, durable, clock }: IdentifyOptions): Promise<Principal> {
  const now = clock.now();
  const [, secret = ""] = /^Bearer ([\w-]+)$/i.exec(authorization) ?? [];
  const key = secret.startsWith(apiKeyPrefix) ? await findApiKey(reads, hashSecret(secret)) : undefined;
  if (key === undefined || key.expires_at <= now || key.disabled !== 0) {
    throw new Problem("unauthenticated", "The API key is unknown or has expired.");
  }
  if (isLetGoByProvider(key, now)) {
    throw new Problem("unauthenticated", "The owner of this API key has not logged in for 30 days, and must do so.");
  }
  if (key.used_at === null || now - key.used_at >= identityLimits.seenStepMs) {
    await durable((tx) => tx.updateTable("api_key").set({ used_at: now }).where("id", "=", key.id).execute());
  }
  const owned = await bindingsOfUser(reads, key.user_id);
  const bindings = (JSON.parse(key.bindings) as RoleBinding[]).filter((binding) => covers(owned, binding));
  return {
    kind: "api_key",
    userId: key.user_id,
    who: { kind: "api_key", id: key.id, name: key.name },
    bindings,
    passwordGivenAt: null,
    hasPassword: hasPassword(key),
    credentialId: key.id,
  };
}

const selectApiKeys = keepQuery((db: Db, { hashes }: { readonly hashes: readonly string[] }) =>
  db
    .selectFrom("api_key")
    .innerJoin("user_account", "user_account.id", "api_key.user_id")
    .leftJoin("provider_account", "provider_account.user_id", "api_key.user_id")
    .select(["api_key.id", "api_key.user_id", "api_key.name", "api_key.bindings", "api_key.used_at"])
    .select(["api_key.secret_hash", "api_key.expires_at"])
    .select(["user_account.password_hash", "user_account.disabled", "provider_account.logged_in_at"])
    .where("api_key.secret_hash", "in", hashes),
);

const findApiKey = gatherReads(async (db: Db, hashes) => byHash(await selectApiKeys(db, { hashes })));

function byHash<Row extends { readonly secret_hash: string }>(rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map((row) => [row.secret_hash, row]));
}

/** Whom the provider has let go never comes again to have his roles taken. */
export function isLetGoByProvider(
  owner: { readonly password_hash: string; readonly logged_in_at: number | null },
  now: number,
): boolean {
  return !hasPassword(owner) && now - (owner.logged_in_at ?? 0) >= identityLimits.providerRolesMs;
}

async function bindingsOfUser(db: Db, userId: string): Promise<RoleBinding[]> {
  return ((await findBindings(db, userId)) ?? []).map(toBinding);
}
