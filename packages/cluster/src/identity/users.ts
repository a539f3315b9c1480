import type { Audit } from "../audit/record.ts";
import type { Clock } from "../clock.ts";
import type { Deployment } from "../config/config.ts";
import { isUniqueViolation } from "../db/database-error.ts";
import type { NewId } from "../db/ids.ts";
import { toSearchText } from "../db/search-text.ts";
import type { Origin } from "../http/origin.ts";
import { Problem } from "../http/problems.ts";
import type { Db, Durable, Tx } from "../schema.ts";
import { findTenant } from "../tenants/tenants.ts";
import { auditTenantOf, bindingsOf, toBinding } from "./bindings.ts";
import { expectedWords } from "./expected-words.ts";
import { requireAcceptablePassword } from "./password-rules.ts";
import type { Passwords } from "./passwords.ts";
import { mayGrant } from "./permissions.ts";
import { recordingRefusal } from "./record-refusal.ts";
import { isPossibleBinding, type RoleBinding } from "./roles.ts";
import type { RoleBindingTable, UserTable } from "./tables.ts";
import { forgetKnownLogins } from "./throttle.ts";

/** A user with his role bindings. */
export interface User {
  readonly row: UserTable;
  readonly bindings: readonly RoleBindingTable[];
}

/** On whose behalf users are changed: what he may grant is what he may touch. */
export interface Manager {
  readonly bindings: readonly RoleBinding[];
  readonly origin: Origin;
}

export interface UserChange {
  readonly password?: string | undefined;
  readonly disabled?: boolean | undefined;
}

/**
 * Users and their role bindings. A user can be changed only by somebody who may grant every role the user has, so that
 * nobody takes over an account that may do more than his own.
 */
export interface Users {
  /** @throws {Problem} grant_refused, name_taken, not_found (a tenant), password_unacceptable */
  create(manager: Manager, name: string, password: string, bindings: readonly RoleBinding[]): Promise<User>;
  /**
   * Sets the password or locks the user out; both end his sessions.
   *
   * @throws {Problem} not_found, grant_refused, last_site_admin, password_unacceptable, user_from_provider; what
   * `mayChange` throws
   */
  change(manager: Manager, id: string, change: UserChange, mayChange: (user: User) => void): Promise<User>;
  /** @throws {Problem} not_found, grant_refused, last_site_admin; what `mayChange` throws */
  remove(manager: Manager, id: string, mayChange: (user: User) => void): Promise<void>;
  /** Ends all sessions of a user. @throws {Problem} not_found, grant_refused; what `mayChange` throws */
  endSessions(manager: Manager, id: string, mayChange: (user: User) => void): Promise<void>;
  /**
   * Gives a role; giving it twice changes nothing.
   *
   * @throws {Problem} not_found, grant_refused, user_from_provider; what `mayChange` throws
   */
  grant(manager: Manager, id: string, binding: RoleBinding, mayChange: (user: User) => void): Promise<User>;
  /**
   * Takes a role.
   *
   * @throws {Problem} not_found, grant_refused, last_site_admin, user_from_provider; what `mayChange` throws
   */
  revoke(manager: Manager, id: string, bindingId: string, mayChange: (user: User) => void): Promise<void>;
}

export interface UsersOptions {
  readonly reads: Db;
  readonly durable: Durable;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly passwords: Passwords;
  readonly deployment: Deployment;
}

export function createUsers({ reads, durable, audit, clock, newId, passwords, deployment }: UsersOptions): Users {
  function requireGrant(manager: Manager, bindings: readonly RoleBinding[]): void {
    const refused = bindings.find((binding) => !mayGrant(manager.bindings, binding, deployment));
    if (refused !== undefined) {
      throw new Problem(
        "grant_refused",
        `You may not give or take the role ${refused.role} there, nor change who has it.`,
      );
    }
  }

  /** A user without roles belongs to nobody; only who may make site administrators may touch him. */
  function requireAuthorityOver(manager: Manager, user: User): void {
    const held = user.bindings.map(toBinding);
    requireGrant(manager, held.length > 0 ? held : [{ role: "site_admin", tenantId: null }]);
  }

  async function insertBinding(
    tx: Tx,
    manager: Manager,
    user: UserTable,
    binding: RoleBinding,
  ): Promise<RoleBindingTable> {
    if (binding.tenantId !== null && (await findTenant(tx, binding.tenantId)) === undefined) {
      throw new Problem("not_found", "There is no such tenant.");
    }
    const row: RoleBindingTable = {
      id: newId(),
      user_id: user.id,
      role: binding.role,
      tenant_id: binding.tenantId,
      created_at: clock.now(),
    };
    await tx.insertInto("role_binding").values(row).execute();
    audit.record(tx, {
      tenantId: binding.tenantId,
      action: "role.grant",
      outcome: "done",
      origin: manager.origin,
      target: targetOf(user),
      details: { ...binding },
    });
    return row;
  }

  const users: Users = {
    async create(manager, name, password, bindings) {
      requireGrant(manager, bindings);
      if (bindings.length === 0) requireGrant(manager, [{ role: "site_admin", tenantId: null }]);
      requireAcceptablePassword(password, await expectedWords(reads, name, bindings));
      const password_hash = await passwords.hash(password);
      const now = clock.now();
      try {
        return await durable(async (tx) => {
          const row: UserTable = {
            id: newId(),
            name,
            name_search: toSearchText(name),
            password_hash,
            disabled: 0,
            created_at: now,
            changed_at: now,
            revision: 1,
          };
          await tx.insertInto("user_account").values(row).execute();
          const tenantId = auditTenantOf(bindings);
          audit.record(tx, {
            tenantId,
            action: "user.create",
            outcome: "done",
            origin: manager.origin,
            target: targetOf(row),
          });
          const made: RoleBindingTable[] = [];
          for (const binding of bindings) made.push(await insertBinding(tx, manager, row, binding));
          return { row, bindings: made };
        });
      } catch (error) {
        if (isUniqueViolation(error))
          throw new Problem("name_taken", "There is already a user of that name.", { cause: error });
        throw error;
      }
    },

    async change(manager, id, { password, disabled }, mayChange) {
      const known = await findUser(reads, id);
      if (known === undefined) throw new Problem("not_found");
      mayChange(known);
      requireAuthorityOver(manager, known);
      if (password !== undefined) {
        requireOwnPassword(known);
        const words = await expectedWords(reads, known.row.name, known.bindings.map(toBinding));
        requireAcceptablePassword(password, words);
      }
      const newHash = password === undefined ? {} : { password_hash: await passwords.hash(password) };
      return durable(async (tx) => {
        const user = await findUserToChange(tx, id, mayChange);
        requireAuthorityOver(manager, user);
        if (disabled === true) await requireOtherSiteAdmin(tx, user);
        const row: UserTable = {
          ...user.row,
          ...newHash,
          ...(disabled !== undefined && { disabled: disabled ? 1 : 0 }),
          changed_at: clock.now(),
          revision: user.row.revision + 1,
        };
        await tx.updateTable("user_account").set(row).where("id", "=", id).execute();
        if (password !== undefined || disabled === true)
          await tx.deleteFrom("session").where("user_id", "=", id).execute();
        if (password !== undefined) await forgetKnownLogins(tx, id);
        audit.record(tx, {
          tenantId: auditTenantOf(user.bindings.map(toBinding)),
          action: "user.change",
          outcome: "done",
          origin: manager.origin,
          target: targetOf(row),
          details: {
            ...(password !== undefined && { password: "changed" }),
            ...(disabled !== undefined && { disabled }),
          },
        });
        return { row, bindings: user.bindings };
      });
    },

    remove: (manager, id, mayChange) =>
      durable(async (tx) => {
        const user = await findUserToChange(tx, id, mayChange);
        requireAuthorityOver(manager, user);
        await requireOtherSiteAdmin(tx, user);
        await tx.deleteFrom("user_account").where("id", "=", id).execute();
        audit.record(tx, {
          tenantId: auditTenantOf(user.bindings.map(toBinding)),
          action: "user.delete",
          outcome: "done",
          origin: manager.origin,
          target: targetOf(user.row),
        });
      }),

    endSessions: (manager, id, mayChange) =>
      durable(async (tx) => {
        const user = await findUserToChange(tx, id, mayChange);
        requireAuthorityOver(manager, user);
        await tx.deleteFrom("session").where("user_id", "=", id).execute();
        audit.record(tx, {
          tenantId: auditTenantOf(user.bindings.map(toBinding)),
          action: "user.end-sessions",
          outcome: "done",
          origin: manager.origin,
          target: targetOf(user.row),
        });
      }),

    grant: (manager, id, binding, mayChange) =>
      durable(async (tx) => {
        const user = await findUserToChange(tx, id, mayChange);
        requireGrant(manager, [binding]);
        requireOwnRoles(user);
        const known = user.bindings.some((held) => held.role === binding.role && held.tenant_id === binding.tenantId);
        if (known) return user;
        return { row: user.row, bindings: [...user.bindings, await insertBinding(tx, manager, user.row, binding)] };
      }),

    revoke: (manager, id, bindingId, mayChange) =>
      durable(async (tx) => {
        const user = await findUserToChange(tx, id, mayChange);
        const binding = user.bindings.find((one) => one.id === bindingId);
        if (binding === undefined) throw new Problem("not_found");
        requireGrant(manager, [toBinding(binding)]);
        requireOwnRoles(user);
        if (binding.role === "site_admin") await requireOtherSiteAdmin(tx, user);
        await tx
          .deleteFrom("role_binding")
          .where("tenant_id", binding.tenant_id === null ? "is" : "=", binding.tenant_id)
          .where("id", "=", bindingId)
          .execute();
        audit.record(tx, {
          tenantId: binding.tenant_id,
          action: "role.revoke",
          outcome: "done",
          origin: manager.origin,
          target: targetOf(user.row),
          details: { ...toBinding(binding) },
        });
      }),
  };
  return withRecordedRefusals(users, { durable, audit });
}

/** Somebody who tries to give what he may not shows in the audit log. */
function withRecordedRefusals(users: Users, log: { readonly durable: Durable; readonly audit: Audit }): Users {
  const attempt = (action: string, { origin }: Manager, id: string | null) => ({
    action,
    origin,
    target: { kind: "user", id },
  });
  return {
    create: (manager, ...rest) =>
      recordingRefusal(log, attempt("user.create", manager, null), () => users.create(manager, ...rest)),
    change: (manager, id, ...rest) =>
      recordingRefusal(log, attempt("user.change", manager, id), () => users.change(manager, id, ...rest)),
    remove: (manager, id, ...rest) =>
      recordingRefusal(log, attempt("user.delete", manager, id), () => users.remove(manager, id, ...rest)),
    endSessions: (manager, id, ...rest) =>
      recordingRefusal(log, attempt("user.end-sessions", manager, id), () => users.endSessions(manager, id, ...rest)),
    grant: (manager, id, ...rest) =>
      recordingRefusal(log, attempt("role.grant", manager, id), () => users.grant(manager, id, ...rest)),
    revoke: (manager, id, ...rest) =>
      recordingRefusal(log, attempt("role.revoke", manager, id), () => users.revoke(manager, id, ...rest)),
  };
}

export async function findUser(db: Db, id: string): Promise<User | undefined> {
  const row = await db.selectFrom("user_account").selectAll().where("id", "=", id).executeTakeFirst();
  if (row === undefined) return undefined;
  return { row, bindings: (await bindingsOf(db, [id])).get(id) ?? [] };
}

async function findUserToChange(tx: Tx, id: string, mayChange: (user: User) => void): Promise<User> {
  const user = await findUser(tx, id);
  if (user === undefined) throw new Problem("not_found");
  mayChange(user);
  return user;
}

function requireOwnPassword({ row }: User): void {
  if (hasPassword(row)) return;
  throw new Problem("user_from_provider", `${row.name} logs in by way of the identity provider and has no password.`);
}

function requireOwnRoles({ row }: User): void {
  if (hasPassword(row)) return;
  throw new Problem("user_from_provider", `The roles of ${row.name} come from the identity provider at each log-in.`);
}

/** Without one a user logs in by way of the identity provider, which also says what he may do. */
export function hasPassword(user: Pick<UserTable, "password_hash">): boolean {
  return user.password_hash !== "";
}

/** Somebody must always be able to let the others in again, also when the identity provider does not answer. */
async function requireOtherSiteAdmin(tx: Tx, user: User): Promise<void> {
  if (user.row.disabled === 1 || !hasPassword(user.row)) return;
  if (!user.bindings.some((binding) => binding.role === "site_admin")) return;
  const other = await tx
    .selectFrom("role_binding")
    .innerJoin("user_account", "user_account.id", "role_binding.user_id")
    .select("role_binding.id")
    .where("role_binding.role", "=", "site_admin")
    .where("role_binding.tenant_id", "is", null)
    .where("user_account.disabled", "=", 0)
    .where("user_account.password_hash", "!=", "")
    .where("user_account.id", "!=", user.row.id)
    .limit(1)
    .executeTakeFirst();
  if (other === undefined) throw new Problem("last_site_admin");
}

/** True for a binding that can be; a route asks before anything else, so that the answer names the member. */
export function requirePossibleBindings(bindings: readonly RoleBinding[], pointer: string): void {
  const index = bindings.findIndex((binding) => !isPossibleBinding(binding));
  const wrong = bindings[index];
  if (wrong === undefined) return;
  const detail =
    wrong.tenantId === null
      ? `The role ${wrong.role} needs a tenantId.`
      : `The role ${wrong.role} is for the whole cluster: tenantId must be null.`;
  const at = bindings.length === 1 && pointer === "" ? "/tenantId" : `${pointer}/${index}/tenantId`;
  throw new Problem("validation_failed", undefined, { errors: [{ pointer: at, code: "binding_impossible", detail }] });
}

function targetOf(user: UserTable) {
  return { kind: "user", id: user.id, name: user.name };
}
