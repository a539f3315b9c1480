import type { Audit } from "../audit/record.ts";
import type { NewId, RandomBytes } from "../db/ids.ts";
import { toSearchText } from "../db/search-text.ts";
import { systemOrigin } from "../http/origin.ts";
import type { Tx } from "../schema.ts";

/** Enters the user `admin` of a new cluster, a site administrator. */
export async function enterFirstAdmin(
  tx: Tx,
  { audit, newId, now }: { readonly audit: Audit; readonly newId: NewId; readonly now: number },
  passwordHash: string,
): Promise<void> {
  const id = newId();
  const name = "admin";
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
  const common = { tenantId: null, outcome: "done", origin: systemOrigin, target } as const;
  audit.record(tx, { ...common, action: "user.create" });
  audit.record(tx, { ...common, action: "role.grant", details: { role: "site_admin", tenantId: null } });
}

/** A first password that nobody chose: 144 random bits in 24 characters. */
export function generatePassword(randomBytes: RandomBytes): string {
  return Buffer.from(randomBytes(18)).toString("base64url");
}
