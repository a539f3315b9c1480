import type { Audit } from "../audit/record.ts";
import type { Clock } from "../clock.ts";
import type { NewId, RandomBytes } from "../db/ids.ts";
import { toSearchText } from "../db/search-text.ts";
import type { Origin } from "../http/origin.ts";
import { Problem } from "../http/problems.ts";
import type { Db, Durable } from "../schema.ts";
import { identityLimits } from "./limits.ts";
import { type Passwords, requireAcceptablePassword } from "./passwords.ts";
import type { Principal } from "./principal.ts";
import { hashSecret, newSecret } from "./secrets.ts";
import type { UserTable } from "./tables.ts";
import type { LoginThrottle } from "./throttle.ts";

export interface Sessions {
  /**
   * Logs a person in. The answer tells nobody whether a name exists or a user is disabled.
   *
   * @returns the value of the cookie
   * @throws {Problem} login_failed, login_throttled, overloaded
   */
  logIn(name: string, password: string, origin: Origin): Promise<{ secret: string; endsAt: number }>;
  /** Ends the session by which the request came. */
  logOut(principal: Principal, origin: Origin): Promise<void>;
  /** @throws {Problem} login_failed, login_throttled, session_required */
  reauthenticate(principal: Principal, password: string, origin: Origin): Promise<void>;
  /**
   * Changes one's own password and ends one's other sessions.
   *
   * @throws {Problem} login_failed, login_throttled, password_unacceptable, session_required
   */
  changePassword(principal: Principal, password: string, newPassword: string, origin: Origin): Promise<void>;
}

export interface SessionsOptions {
  readonly reads: Db;
  readonly durable: Durable;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly randomBytes: RandomBytes;
  readonly passwords: Passwords;
  readonly throttle: LoginThrottle;
}

export function createSessions(options: SessionsOptions): Sessions {
  const { reads, durable, audit, clock, newId, randomBytes, passwords, throttle } = options;

  async function checkPassword(
    name: string,
    user: UserTable | undefined,
    password: string,
    action: string,
    origin: Origin,
  ): Promise<UserTable> {
    const address = origin.address ?? "";
    throttle.check(name, address);
    throttle.countFailure(name, address);
    const right = await passwords.verify(password, user?.password_hash ?? null);
    if (right && user !== undefined && user.disabled === 0) {
      throttle.forget(name, address);
      return user;
    }
    // The name is kept only when it is one: people type their password into the wrong field.
    const target = { kind: "user", id: user?.id ?? null, ...(user && { name: user.name }) };
    const why = user?.disabled === 1 ? "user_disabled" : "login_failed";
    await durable(async (tx) => {
      audit.record(tx, { tenantId: null, action, outcome: "refused", origin, target, why });
    });
    throw new Problem("login_failed");
  }

  async function checkOwnPassword(
    principal: Principal,
    password: string,
    action: string,
    origin: Origin,
  ): Promise<UserTable> {
    if (principal.kind !== "user") throw new Problem("session_required");
    const user = await reads
      .selectFrom("user_account")
      .selectAll()
      .where("id", "=", principal.userId)
      .executeTakeFirst();
    return checkPassword(toSearchText(principal.who.name), user, password, action, origin);
  }

  return {
    async logIn(name, password, origin) {
      const key = toSearchText(name);
      const known = await reads
        .selectFrom("user_account")
        .selectAll()
        .where("name_search", "=", key)
        .executeTakeFirst();
      const user = await checkPassword(key, known, password, "session.create", origin);
      const secret = newSecret(randomBytes);
      const now = clock.now();
      const endsAt = now + identityLimits.sessionMaxMs;
      const id = newId();
      const who = { kind: "user", id: user.id, name: user.name } as const;
      await durable(async (tx) => {
        await tx.deleteFrom("session").where("ends_at", "<=", now).execute();
        await tx
          .insertInto("session")
          .values({
            id,
            user_id: user.id,
            secret_hash: hashSecret(secret),
            created_at: now,
            seen_at: now,
            password_given_at: now,
            ends_at: endsAt,
          })
          .execute();
        const target = { kind: "session", id };
        audit.record(tx, {
          tenantId: null,
          action: "session.create",
          outcome: "done",
          origin: { ...origin, who },
          target,
        });
      });
      return { secret, endsAt };
    },

    async logOut(principal, origin) {
      if (principal.kind !== "user") throw new Problem("session_required");
      await durable(async (tx) => {
        await tx.deleteFrom("session").where("id", "=", principal.credentialId).execute();
        const target = { kind: "session", id: principal.credentialId };
        audit.record(tx, { tenantId: null, action: "session.end", outcome: "done", origin, target });
      });
    },

    async reauthenticate(principal, password, origin) {
      await checkOwnPassword(principal, password, "session.reauthenticate", origin);
      const now = clock.now();
      await durable(async (tx) => {
        await tx
          .updateTable("session")
          .set({ password_given_at: now })
          .where("id", "=", principal.credentialId)
          .execute();
        const target = { kind: "session", id: principal.credentialId };
        audit.record(tx, { tenantId: null, action: "session.reauthenticate", outcome: "done", origin, target });
      });
    },

    async changePassword(principal, password, newPassword, origin) {
      const user = await checkOwnPassword(principal, password, "user.change-password", origin);
      requireAcceptablePassword(newPassword, user.name);
      const password_hash = await passwords.hash(newPassword);
      const now = clock.now();
      await durable(async (tx) => {
        await tx
          .updateTable("user_account")
          .set((eb) => ({ password_hash, changed_at: now, revision: eb("revision", "+", 1) }))
          .where("id", "=", user.id)
          .execute();
        await tx
          .deleteFrom("session")
          .where("user_id", "=", user.id)
          .where("id", "!=", principal.credentialId)
          .execute();
        await tx
          .updateTable("session")
          .set({ password_given_at: now })
          .where("id", "=", principal.credentialId)
          .execute();
        const target = { kind: "user", id: user.id, name: user.name };
        audit.record(tx, { tenantId: null, action: "user.change-password", outcome: "done", origin, target });
      });
    },
  };
}
