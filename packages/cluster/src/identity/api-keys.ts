import type { Audit } from "../audit/record.ts";
import type { Clock } from "../clock.ts";
import type { NewId, RandomBytes } from "../db/ids.ts";
import type { Origin } from "../http/origin.ts";
import { Problem } from "../http/problems.ts";
import type { Durable } from "../schema.ts";
import { auditTenantOf } from "./bindings.ts";
import { covers } from "./permissions.ts";
import type { Principal } from "./principal.ts";
import { requireRecentPassword } from "./reauthentication.ts";
import { recordingRefusal } from "./record-refusal.ts";
import type { RoleBinding } from "./roles.ts";
import { apiKeyPrefix, hashSecret, newSecret } from "./secrets.ts";
import type { ApiKeyTable } from "./tables.ts";

export interface ApiKeys {
  /**
   * Makes an API key that acts with roles of its owner. The secret is returned once and stored hashed.
   *
   * @throws {Problem} session_required, reauthentication_required, grant_refused
   */
  create(
    owner: Principal,
    wanted: { readonly name: string; readonly bindings: readonly RoleBinding[]; readonly validMs: number },
    origin: Origin,
  ): Promise<{ row: ApiKeyTable; secret: string }>;
  /** Ends one's own API key. @throws {Problem} not_found */
  remove(owner: Principal, id: string, origin: Origin): Promise<void>;
}

export interface ApiKeysOptions {
  readonly durable: Durable;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly randomBytes: RandomBytes;
}

export function createApiKeys({ durable, audit, clock, newId, randomBytes }: ApiKeysOptions): ApiKeys {
  return {
    async create(owner, { name, bindings, validMs }, origin) {
      if (owner.kind !== "user") throw new Problem("session_required");
      const now = clock.now();
      requireRecentPassword(owner, now);
      const attempt = { action: "api-key.create", origin, target: null };
      await recordingRefusal({ durable, audit }, attempt, async () => requireOwnRoles(owner, bindings));
      const secret = newSecret(randomBytes, apiKeyPrefix);
      const row: ApiKeyTable = {
        id: newId(),
        user_id: owner.userId,
        name,
        secret_hash: hashSecret(secret),
        bindings: JSON.stringify(bindings),
        created_at: now,
        expires_at: now + validMs,
        used_at: null,
      };
      await durable(async (tx) => {
        await tx.insertInto("api_key").values(row).execute();
        audit.record(tx, {
          tenantId: auditTenantOf(bindings),
          action: "api-key.create",
          outcome: "done",
          origin,
          target: { kind: "api-key", id: row.id, name },
          details: { roles: bindings },
        });
      });
      return { row, secret };
    },

    remove: (owner, id, origin) =>
      durable(async (tx) => {
        const row = await tx
          .selectFrom("api_key")
          .selectAll()
          .where("id", "=", id)
          .where("user_id", "=", owner.userId)
          .executeTakeFirst();
        if (row === undefined) throw new Problem("not_found");
        await tx.deleteFrom("api_key").where("id", "=", id).execute();
        audit.record(tx, {
          tenantId: auditTenantOf(JSON.parse(row.bindings) as RoleBinding[]),
          action: "api-key.delete",
          outcome: "done",
          origin,
          target: { kind: "api-key", id, name: row.name },
        });
      }),
  };
}

function requireOwnRoles(owner: Principal, bindings: readonly RoleBinding[]): void {
  const refused = bindings.find((binding) => !covers(owner.bindings, binding));
  if (refused === undefined) return;
  throw new Problem("grant_refused", `You do not hold the role ${refused.role} there, so no API key of yours can.`);
}
