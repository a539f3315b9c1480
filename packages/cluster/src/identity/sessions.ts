import type { Audit } from "../audit/record.ts";
import type { Clock, UnixMs } from "../clock.ts";
import type { NewId, RandomBytes } from "../db/ids.ts";
import { toSearchText } from "../db/search-text.ts";
import type { Origin } from "../http/origin.ts";
import { Problem } from "../http/problems.ts";
import type { Db, Durable, Tx } from "../schema.ts";
import { expectedWords } from "./expected-words.ts";
import { identityLimits } from "./limits.ts";
import { requireAcceptablePassword } from "./password-rules.ts";
import type { Passwords } from "./passwords.ts";
import type { Principal } from "./principal.ts";
import { hashSecret, newSecret } from "./secrets.ts";
import type { UserTable } from "./tables.ts";
import { type Attempt, forgetKnownLogins, type LoginThrottle } from "./throttle.ts";

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
  /** Ends one of the sender's own sessions. @throws {Problem} not_found, session_required */
  end(principal: Principal, id: string, origin: Origin): Promise<void>;
  /** Ends the sender's own sessions but the one of the request. @throws {Problem} session_required */
  endOthers(principal: Principal, origin: Origin): Promise<void>;
  /** @throws {Problem} login_failed, login_throttled, session_required, user_from_provider */
  reauthenticate(principal: Principal, password: string, origin: Origin): Promise<void>;
  /**
   * Changes one's own password and ends one's other sessions.
   *
   * @throws {Problem} login_failed, login_throttled, password_unacceptable, session_required, user_from_provider
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
  const { reads, durable, audit, clock, passwords, throttle } = options;

  async function checkPassword(
    attempt: Attempt,
    user: UserTable | undefined,
    password: string,
    action: string,
    origin: Origin,
  ): Promise<UserTable> {
    await throttle.begin(attempt);
    const hash = user === undefined || user.password_hash === "" ? null : user.password_hash;
    const right = await passwords.verify(password, hash);
    if (right && user !== undefined && user.disabled === 0) return user;
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
    if (user?.password_hash === "") throw new Problem("user_from_provider", "You have no password here.");
    return checkPassword(attemptOf(principal), user, password, action, origin);
  }

  return {
    async logIn(name, password, origin) {
      const known = await reads
        .selectFrom("user_account")
        .selectAll()
        .where("name_search", "=", toSearchText(name))
        .executeTakeFirst();
      const attempt: Attempt = { kind: "log-in", name, address: origin.address ?? "" };
      const user = await checkPassword(attempt, known, password, "session.create", origin);
      return durable(async (tx) => {
        await throttle.succeeded(tx, attempt, user.id);
        return openSession(tx, options, { user, origin, passwordGivenAt: clock.now(), by: "password" });
      });
    },

    async logOut(principal, origin) {
      if (principal.kind !== "user") throw new Problem("session_required");
      await durable(async (tx) => {
        await tx.deleteFrom("session").where("id", "=", principal.credentialId).execute();
        const target = { kind: "session", id: principal.credentialId };
        audit.record(tx, { tenantId: null, action: "session.end", outcome: "done", origin, target });
      });
    },

    async end(principal, id, origin) {
      await durable(async (tx) => {
        const session = await tx
          .selectFrom("session")
          .select("id")
          .where("id", "=", id)
          .where("user_id", "=", principal.userId)
          .executeTakeFirst();
        if (session === undefined) throw new Problem("not_found");
        if (principal.kind !== "user") throw new Problem("session_required");
        await tx.deleteFrom("session").where("id", "=", id).execute();
        const target = { kind: "session", id };
        audit.record(tx, { tenantId: null, action: "session.end", outcome: "done", origin, target });
      });
    },

    async endOthers(principal, origin) {
      if (principal.kind !== "user") throw new Problem("session_required");
      await durable(async (tx) => {
        await tx
          .deleteFrom("session")
          .where("user_id", "=", principal.userId)
          .where("id", "!=", principal.credentialId)
          .execute();
        const target = { kind: "user", id: principal.userId, name: principal.who.name };
        audit.record(tx, { tenantId: null, action: "session.end-others", outcome: "done", origin, target });
      });
    },

    async reauthenticate(principal, password, origin) {
      await checkOwnPassword(principal, password, "session.reauthenticate", origin);
      await durable(async (tx) => {
        await throttle.succeeded(tx, attemptOf(principal), principal.userId);
        await tx
          .updateTable("session")
          .set({ password_given_at: clock.now() })
          .where("id", "=", principal.credentialId)
          .execute();
        const target = { kind: "session", id: principal.credentialId };
        audit.record(tx, { tenantId: null, action: "session.reauthenticate", outcome: "done", origin, target });
      });
    },

    async changePassword(principal, password, newPassword, origin) {
      const user = await checkOwnPassword(principal, password, "user.change-password", origin);
      requireAcceptablePassword(newPassword, await expectedWords(reads, user.name, principal.bindings));
      const password_hash = await passwords.hash(newPassword);
      const now = clock.now();
      await durable(async (tx) => {
        await throttle.succeeded(tx, attemptOf(principal), user.id);
        await forgetKnownLogins(tx, user.id);
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

function attemptOf(principal: Principal): Attempt {
  return { kind: "session", sessionId: principal.credentialId };
}

export type SessionOpening = Pick<SessionsOptions, "audit" | "clock" | "newId" | "randomBytes">;

/** Enters a session of somebody whose log-in was checked, and gives the value of the cookie. */
export async function openSession(
  tx: Tx,
  { audit, clock, newId, randomBytes }: SessionOpening,
  login: {
    readonly user: UserTable;
    readonly origin: Origin;
    readonly passwordGivenAt: UnixMs;
    readonly by: "password" | "provider";
  },
): Promise<{ secret: string; endsAt: UnixMs }> {
  const { user, origin, passwordGivenAt, by } = login;
  const secret = newSecret(randomBytes);
  const now = clock.now();
  const endsAt = now + identityLimits.sessionMaxMs;
  const id = newId();
  await tx.deleteFrom("session").where("ends_at", "<=", now).execute();
  await tx
    .insertInto("session")
    .values({
      id,
      user_id: user.id,
      secret_hash: hashSecret(secret),
      created_at: now,
      seen_at: now,
      password_given_at: passwordGivenAt,
      ends_at: endsAt,
      address: origin.address ?? "",
    })
    .execute();
  audit.record(tx, {
    tenantId: null,
    action: "session.create",
    outcome: "done",
    origin: { ...origin, who: { kind: "user", id: user.id, name: user.name } },
    target: { kind: "session", id },
    details: { by },
  });
  return { secret, endsAt };
}
