import type { Audit } from "../audit/record.ts";
import type { UnixMs } from "../clock.ts";
import type { NewId } from "../db/ids.ts";
import { toSearchText } from "../db/search-text.ts";
import type { Origin } from "../http/origin.ts";
import { Problem } from "../http/problems.ts";
import type { Tx } from "../schema.ts";
import { enterSiteAdmin } from "./first-admin.ts";
import type { UserTable } from "./tables.ts";
import { forgetKnownLogins } from "./throttle.ts";

export interface ResetAdmin {
  readonly audit: Audit;
  readonly newId: NewId;
  readonly now: UnixMs;
  /** Who sits at the machine: nobody is logged in. */
  readonly origin: Origin;
}

/** What had to be changed besides the password. */
export interface AdminReset {
  /** As it is written in the cluster, or was typed for a new one. */
  readonly name: string;
  readonly created: boolean;
  readonly enabled: boolean;
  readonly granted: boolean;
  readonly sessionsEnded: number;
  /** They go on working: a program may hang on each. */
  readonly apiKeys: number;
}

/**
 * Makes sure that a site administrator of this name can log in with the password: enters the user where there is none,
 * enables him, grants the role, ends his sessions. For whoever holds the database and the keys, and so holds all of it
 * anyway; it stands in the audit log.
 *
 * @throws {Problem} user_from_provider: whose password and roles are not kept here
 */
export async function resetAdmin(
  tx: Tx,
  name: string,
  passwordHash: string,
  { audit, newId, now, origin }: ResetAdmin,
): Promise<AdminReset> {
  const user = await tx
    .selectFrom("user_account")
    .selectAll()
    .where("name_search", "=", toSearchText(name))
    .executeTakeFirst();
  if (user === undefined) {
    await enterSiteAdmin(tx, { audit, newId, now, origin }, name, passwordHash);
    return { name, created: true, enabled: false, granted: false, sessionsEnded: 0, apiKeys: 0 };
  }
  if (user.password_hash === "") {
    throw new Problem(
      "user_from_provider",
      `${user.name} logs in by way of the identity provider. Give another name; a user of it is made.`,
    );
  }
  const common = { tenantId: null, outcome: "done", origin } as const;
  const target = { kind: "user", id: user.id, name: user.name };
  await tx
    .updateTable("user_account")
    .set({ password_hash: passwordHash, disabled: 0, changed_at: now, revision: user.revision + 1 })
    .where("id", "=", user.id)
    .execute();
  const ended = await tx.deleteFrom("session").where("user_id", "=", user.id).executeTakeFirst();
  await forgetKnownLogins(tx, user.id);
  const details = { password: "changed", ...(user.disabled === 1 && { disabled: false }) };
  audit.record(tx, { ...common, action: "user.change", target, details });
  const granted = await grantSiteAdmin(tx, user, { newId, now });
  if (granted) {
    audit.record(tx, { ...common, action: "role.grant", target, details: { role: "site_admin", tenantId: null } });
  }
  const keys = await tx.selectFrom("api_key").select("id").where("user_id", "=", user.id).execute();
  return {
    name: user.name,
    created: false,
    enabled: user.disabled === 1,
    granted,
    sessionsEnded: Number(ended.numDeletedRows),
    apiKeys: keys.length,
  };
}

/** False: he has it. */
async function grantSiteAdmin(
  tx: Tx,
  user: UserTable,
  { newId, now }: { readonly newId: NewId; readonly now: UnixMs },
): Promise<boolean> {
  const held = await tx
    .selectFrom("role_binding")
    .select("id")
    .where("user_id", "=", user.id)
    .where("role", "=", "site_admin")
    .where("tenant_id", "is", null)
    .executeTakeFirst();
  if (held !== undefined) return false;
  await tx
    .insertInto("role_binding")
    .values({ id: newId(), user_id: user.id, role: "site_admin", tenant_id: null, created_at: now })
    .execute();
  return true;
}
