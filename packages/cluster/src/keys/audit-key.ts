import type { Audit } from "../audit/record.ts";
import type { UnixMs } from "../clock.ts";
import { systemOrigin } from "../http/origin.ts";
import type { Store } from "../schema.ts";
import type { KeyStore } from "./key-store.ts";

export interface AddAuditKeyOptions {
  readonly store: Store;
  readonly audit: Audit;
  readonly keyStore: KeyStore;
  readonly now: UnixMs;
}

/** Gives a cluster that was made before there were audit keys one of its own; does nothing to any other. */
export async function addMissingAuditKey({ store, audit, keyStore, now }: AddAuditKeyOptions): Promise<void> {
  const cluster = await store.reads.selectFrom("cluster").select("id").executeTakeFirst();
  const known = await store.reads.selectFrom("signing_key").select("kid").where("use", "=", "audit").executeTakeFirst();
  if (cluster === undefined || known !== undefined) return;
  const { kid, publicJwk } = await keyStore.create("audit");
  const sealed = await keyStore.sealedCopy(kid); // for the other nodes
  await store.durable(async (tx) => {
    const other = await tx.selectFrom("signing_key").select("kid").where("use", "=", "audit").executeTakeFirst();
    if (other !== undefined) return; // another node was faster
    const public_jwk = JSON.stringify(publicJwk);
    await tx
      .insertInto("signing_key")
      .values({ kid, use: "audit", state: "active", public_jwk, created_at: now, state_changed_at: now })
      .execute();
    await tx.insertInto("key_copy").values({ kid, sealed, destroyed_at: null }).execute();
    audit.record(tx, {
      tenantId: null,
      action: "key.create",
      outcome: "done",
      origin: systemOrigin,
      target: { kind: "key", id: kid },
      details: { use: "audit" },
    });
  });
}
