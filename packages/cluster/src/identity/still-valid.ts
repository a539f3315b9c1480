import type { Db } from "../schema.ts";
import { bindingsOf, toBinding } from "./bindings.ts";
import { isLetGoByProvider } from "./identify.ts";
import { identityLimits } from "./limits.ts";
import { covers } from "./permissions.ts";
import type { Principal } from "./principal.ts";
import type { RoleBinding } from "./roles.ts";

/**
 * What people and programs may do now who were let in some time ago, by the session or API key that let them in. Who is
 * missing from it must be let in anew. Looking does not keep a session alive.
 *
 * @param principals at most as many as fit into one statement
 */
export async function bindingsStillValid(
  db: Db,
  principals: readonly Principal[],
  now: number,
): Promise<ReadonlyMap<string, readonly RoleBinding[]>> {
  const idsOf = (kind: Principal["kind"]) => [
    ...new Set(principals.filter((one) => one.kind === kind).map((one) => one.credentialId)),
  ];
  const [sessions, keys] = [await liveSessions(db, idsOf("user"), now), await liveKeys(db, idsOf("api_key"), now)];
  const users = [...sessions, ...keys].map(({ user_id }) => user_id);
  const owned = await bindingsOf(db, [...new Set(users)]);
  const bindingsOfUser = (userId: string) => (owned.get(userId) ?? []).map(toBinding);
  return new Map([
    ...sessions.map(({ id, user_id }) => [id, bindingsOfUser(user_id)] as const),
    ...keys.map(({ id, user_id, bindings }) => {
      const own = bindingsOfUser(user_id);
      return [id, (JSON.parse(bindings) as RoleBinding[]).filter((binding) => covers(own, binding))] as const;
    }),
  ]);
}

async function liveSessions(db: Db, ids: readonly string[], now: number) {
  if (ids.length === 0) return [];
  return db
    .selectFrom("session")
    .innerJoin("user_account", "user_account.id", "session.user_id")
    .select(["session.id", "session.user_id"])
    .where("session.id", "in", ids)
    .where("session.ends_at", ">", now)
    .where("session.seen_at", ">", now - identityLimits.sessionIdleMs)
    .where("user_account.disabled", "=", 0)
    .execute();
}

async function liveKeys(db: Db, ids: readonly string[], now: number) {
  if (ids.length === 0) return [];
  const keys = await db
    .selectFrom("api_key")
    .innerJoin("user_account", "user_account.id", "api_key.user_id")
    .leftJoin("provider_account", "provider_account.user_id", "api_key.user_id")
    .select(["api_key.id", "api_key.user_id", "api_key.bindings"])
    .select(["user_account.password_hash", "provider_account.logged_in_at"])
    .where("api_key.id", "in", ids)
    .where("api_key.expires_at", ">", now)
    .where("user_account.disabled", "=", 0)
    .execute();
  return keys.filter((key) => !isLetGoByProvider(key, now));
}
