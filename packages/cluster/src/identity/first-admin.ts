import type { Audit } from "../audit/record.ts";
import type { UnixMs } from "../clock.ts";
import type { NewId, RandomBytes } from "../db/ids.ts";
import { toSearchText } from "../db/search-text.ts";
import type { Origin } from "../http/origin.ts";
import type { Tx } from "../schema.ts";

/** The user of a new cluster. */
export const firstAdmin = "admin";

export interface SiteAdminEntry {
  readonly audit: Audit;
  readonly newId: NewId;
  readonly now: UnixMs;
  readonly origin: Origin;
}

/** Enters a user who is a site administrator, past everybody's authority: a new cluster has nobody who could grant it. */
export async function enterSiteAdmin(
  tx: Tx,
  { audit, newId, now, origin }: SiteAdminEntry,
  name: string,
  passwordHash: string,
): Promise<void> {
  const id = newId();
  await tx
    .insertInto("user_account")
    .values({
      id,
      name,
      name_search: toSearchText(name),
      password_hash: passwordHash,
      disabled: 0,
      created_at: now,
      changed_at: now,
      revision: 1,
    })
    .execute();
  await tx
    .insertInto("role_binding")
    .values({ id: newId(), user_id: id, role: "site_admin", tenant_id: null, created_at: now })
    .execute();
  const target = { kind: "user", id, name };
  const common = { tenantId: null, outcome: "done", origin, target } as const;
  audit.record(tx, { ...common, action: "user.create" });
  audit.record(tx, { ...common, action: "role.grant", details: { role: "site_admin", tenantId: null } });
}

/** A first password that nobody chose: 144 random bits in 24 characters. */
export function generatePassword(randomBytes: RandomBytes): string {
  return Buffer.from(randomBytes(18)).toString("base64url");
}
