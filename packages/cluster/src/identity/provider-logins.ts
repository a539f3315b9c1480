import type { Audit } from "../audit/record.ts";
import type { Clock, UnixMs } from "../clock.ts";
import type { NewId, RandomBytes } from "../db/ids.ts";
import { toSearchText } from "../db/search-text.ts";
import type { Origin } from "../http/origin.ts";
import { Problem } from "../http/problems.ts";
import type { Durable, Tx } from "../schema.ts";
import { bindingsOf, toBinding } from "./bindings.ts";
import type { ProviderLogin } from "./provider.ts";
import { bindingsFor, type RoleMap } from "./role-map.ts";
import type { RoleBinding } from "./roles.ts";
import { hashSecret } from "./secrets.ts";
import { openSession } from "./sessions.ts";
import type { RoleBindingTable, UserTable } from "./tables.ts";

/** Sessions of people whom the identity provider vouches for. */
export interface ProviderLogins {
  /**
   * Logs somebody in whom the provider vouches for. His roles become those that the map gives for the provider's
   * claim, no more and no less; a user is made when he comes for the first time.
   *
   * @param replaced the cookie of the session that this one takes the place of, if it is the same user's
   * @returns the value of the cookie
   * @throws {Problem} login_refused
   */
  logIn(
    login: ProviderLogin,
    origin: Origin,
    replaced: string | undefined,
  ): Promise<{ secret: string; endsAt: UnixMs }>;
}

export interface ProviderLoginsOptions {
  readonly durable: Durable;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly randomBytes: RandomBytes;
  readonly roleMap: RoleMap;
}

export function createProviderLogins(options: ProviderLoginsOptions): ProviderLogins {
  const { durable, audit, clock, newId, roleMap } = options;

  return {
    async logIn(login, origin, replaced) {
      const outcome = await durable(async (tx) => {
        const wanted = await bindingsFor(tx, roleMap, login.roleValues);
        const known = await findProviderUser(tx, login);
        // Roles that the provider no longer gives end in any case, also when nobody is let in.
        if (known !== undefined) await setBindings(tx, known, wanted, origin);
        const refusal = await refusalOf(tx, login, known, wanted);
        if (refusal !== null) {
          recordRefusal(tx, login, known, origin);
          return { refusal };
        }
        const user = known ?? (await makeUser(tx, login, wanted, origin));
        await tx
          .updateTable("provider_account")
          .set({ logged_in_at: clock.now() })
          .where("user_id", "=", user.id)
          .execute();
        if (replaced !== undefined) await endReplaced(tx, user, replaced);
        const passwordGivenAt = Math.min(login.authenticatedAt, clock.now());
        return { session: await openSession(tx, options, { user, origin, passwordGivenAt, by: "provider" }) };
      });
      if (outcome.session === undefined) throw new Problem("login_refused", outcome.refusal);
      return outcome.session;
    },
  };

  async function makeUser(
    tx: Tx,
    login: ProviderLogin,
    wanted: readonly RoleBinding[],
    origin: Origin,
  ): Promise<UserTable> {
    const now = clock.now();
    const name = nameOf(login);
    const user: UserTable = {
      id: newId(),
      name,
      name_search: toSearchText(name),
      password_hash: "",
      disabled: 0,
      created_at: now,
      changed_at: now,
      revision: 1,
    };
    await tx.insertInto("user_account").values(user).execute();
    const { issuer, subject } = login;
    await tx.insertInto("provider_account").values({ issuer, subject, user_id: user.id, logged_in_at: now }).execute();
    audit.record(tx, {
      tenantId: null,
      action: "user.create",
      outcome: "done",
      origin: byProvider(origin),
      target: { kind: "user", id: user.id, name },
      details: { issuer, subject },
    });
    await setBindings(tx, user, wanted, origin);
    return user;
  }

  async function setBindings(tx: Tx, user: UserTable, wanted: readonly RoleBinding[], origin: Origin): Promise<void> {
    const held = (await bindingsOf(tx, [user.id])).get(user.id) ?? [];
    const record = (action: "role.grant" | "role.revoke", binding: RoleBinding) =>
      audit.record(tx, {
        tenantId: binding.tenantId,
        action,
        outcome: "done",
        origin: byProvider(origin),
        target: { kind: "user", id: user.id, name: user.name },
        details: { ...binding },
      });
    for (const row of held) {
      if (wanted.some((binding) => isSame(binding, row))) continue;
      await tx
        .deleteFrom("role_binding")
        .where("tenant_id", row.tenant_id === null ? "is" : "=", row.tenant_id)
        .where("id", "=", row.id)
        .execute();
      record("role.revoke", toBinding(row));
    }
    for (const binding of wanted) {
      if (held.some((row) => isSame(binding, row))) continue;
      const { role, tenantId } = binding;
      const row = { id: newId(), user_id: user.id, role, tenant_id: tenantId, created_at: clock.now() };
      await tx.insertInto("role_binding").values(row).execute();
      record("role.grant", binding);
    }
  }

  function recordRefusal(tx: Tx, login: ProviderLogin, user: UserTable | undefined, origin: Origin): void {
    const { issuer, subject } = login;
    audit.record(tx, {
      tenantId: null,
      action: "session.create",
      outcome: "refused",
      origin: byProvider(origin),
      target: { kind: "user", id: user?.id ?? null, name: user?.name ?? nameOf(login) },
      why: user?.disabled === 1 ? "user_disabled" : "login_refused",
      details: { by: "provider", issuer, subject },
    });
  }
}

/** Known by what the provider calls unique; a name is no proof, and takes over no user. */
async function findProviderUser(tx: Tx, { issuer, subject }: ProviderLogin): Promise<UserTable | undefined> {
  return tx
    .selectFrom("user_account")
    .innerJoin("provider_account", "provider_account.user_id", "user_account.id")
    .selectAll("user_account")
    .where("provider_account.issuer", "=", issuer)
    .where("provider_account.subject", "=", subject)
    .executeTakeFirst();
}

/** Why somebody is not let in, as a sentence for him; null: he is. */
async function refusalOf(
  tx: Tx,
  login: ProviderLogin,
  known: UserTable | undefined,
  wanted: readonly RoleBinding[],
): Promise<string | null> {
  if (known?.disabled === 1) return "This user is disabled here.";
  if (wanted.length === 0) return "Nothing that the identity provider says of you gives you a role here.";
  if (known !== undefined) return null;
  const name = nameOf(login);
  const namesake = await tx
    .selectFrom("user_account")
    .select("id")
    .where("name_search", "=", toSearchText(name))
    .executeTakeFirst();
  if (namesake === undefined) return null;
  return `The identity provider calls you ${name}, and another user of this cluster has that name.`;
}

async function endReplaced(tx: Tx, user: UserTable, cookie: string): Promise<void> {
  await tx.deleteFrom("session").where("secret_hash", "=", hashSecret(cookie)).where("user_id", "=", user.id).execute();
}

function isSame(binding: RoleBinding, row: RoleBindingTable): boolean {
  return binding.role === row.role && binding.tenantId === row.tenant_id;
}

/** The first of the provider's names that can be one here: visible, of one line, not too long. */
function nameOf({ names, subject }: ProviderLogin): string {
  const possible = names.map((name) => name.trim()).find((name) => /^\P{C}{1,200}$/u.test(name));
  return possible ?? hashSecret(subject);
}

/** Nobody here has done it: the provider's word did. */
function byProvider(origin: Origin): Origin {
  return { ...origin, who: { kind: "system", id: null, name: "identity provider" } };
}
