import type { FastifyRequest } from "fastify";
import type { Clock } from "../clock.ts";
import { Problem } from "../http/problems.ts";
import type { Db, Durable } from "../schema.ts";
import { bindingsOf, toBinding } from "./bindings.ts";
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
  const session = await reads
    .selectFrom("session")
    .innerJoin("user_account", "user_account.id", "session.user_id")
    .select(["session.id", "session.user_id", "session.seen_at", "session.password_given_at"])
    .select(["user_account.name", "user_account.password_hash"])
    .where("session.secret_hash", "=", hashSecret(cookie))
    .where("session.ends_at", ">", now)
    .where("session.seen_at", ">", now - identityLimits.sessionIdleMs)
    .where("user_account.disabled", "=", 0)
    .executeTakeFirst();
  if (session === undefined) throw new Problem("unauthenticated", "The session has ended. Log in again.");
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

async function identifyByApiKey(authorization: string, { reads, durable, clock }: IdentifyOptions): Promise<Principal> {
  const now = clock.now();
  const [, secret = ""] = /^Bearer ([\w-]+)$/i.exec(authorization) ?? [];
  const key = !secret.startsWith(apiKeyPrefix)
    ? undefined
    : await reads
        .selectFrom("api_key")
        .innerJoin("user_account", "user_account.id", "api_key.user_id")
        .leftJoin("provider_account", "provider_account.user_id", "api_key.user_id")
        .select(["api_key.id", "api_key.user_id", "api_key.name", "api_key.bindings", "api_key.used_at"])
        .select(["user_account.password_hash", "provider_account.logged_in_at"])
        .where("api_key.secret_hash", "=", hashSecret(secret))
        .where("api_key.expires_at", ">", now)
        .where("user_account.disabled", "=", 0)
        .executeTakeFirst();
  if (key === undefined) throw new Problem("unauthenticated", "The API key is unknown or has expired.");
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

/** Whom the provider has let go never comes again to have his roles taken. */
export function isLetGoByProvider(
  owner: { readonly password_hash: string; readonly logged_in_at: number | null },
  now: number,
): boolean {
  return !hasPassword(owner) && now - (owner.logged_in_at ?? 0) >= identityLimits.providerRolesMs;
}

async function bindingsOfUser(db: Db, userId: string): Promise<RoleBinding[]> {
  return ((await bindingsOf(db, [userId])).get(userId) ?? []).map(toBinding);
}
