import { generateKeyPairSync } from "node:crypto";
import { signerOf, verifyKeyOf } from "@postern/protocol";
import type { Signer } from "@postern/token";
import type { Kysely } from "kysely";
import { systemOrigin } from "../http/origin.ts";
import { type Database, migrations, type Store } from "../schema.ts";
import { makeTestDatabase, type TestDatabase } from "../test-database.fixture.ts";
import { type AuditSigners, type Checkpoints, createCheckpoints } from "./checkpoints.ts";
import type { AuditEvent } from "./entry.ts";
import { type Audit, createAudit } from "./record.ts";
import type { CheckpointKeys } from "./verify-checkpoints.ts";

/** An audit log in a database of its own, with a clock that the test sets. */
export interface AuditScene {
  readonly database: TestDatabase;
  readonly store: Store;
  readonly audit: Audit;
  readonly signer: Signer;
  readonly keys: CheckpointKeys;
  readonly checkpoints: Checkpoints;
  readonly clock: { now(): number; at: number };
  recordAll(events: readonly AuditEvent[]): Promise<void>;
  /** Changes the stored log as somebody with the database in his hands could. */
  tamper(change: (db: Kysely<Database>) => Promise<unknown>): Promise<void>;
  close(): Promise<void>;
}

export const sceneStart = 1_700_000_000_000;

export async function openAuditScene(): Promise<AuditScene> {
  const database = await makeTestDatabase("migrated");
  const store: Store = await database.open(migrations);
  const clock = { at: sceneStart, now: () => clock.at };
  let count = 0;
  const audit = createAudit(clock, () => `id-${String(++count).padStart(7, "0")}`);
  const clusterId = "01890a5d-ac96-774b-bcce-b302099a8057";
  const signer = signerOf(generateKeyPairSync("ed25519").privateKey);
  const keys = { clusterId, auditKeys: new Map([[signer.kid, verifyKeyOf(signer.publicJwk)]]) };
  return {
    database,
    store,
    audit,
    signer,
    keys,
    clock,
    checkpoints: createCheckpoints({ store, clock, clusterId, signers: only(signer) }),
    async recordAll(events) {
      await Promise.all(events.map((one) => store.durable(async (tx) => audit.record(tx, one))));
    },
    async tamper(change) {
      await store.durable(async (tx) => {
        await change(tx.withoutPlugins()); // somebody who has the database needs not to name a tenant
      });
    },
    async close() {
      await store.close();
      await database.remove();
    },
  };
}

export function auditEvent(action: string, tenantId: string | null = null): AuditEvent {
  return { tenantId, action, outcome: "done", origin: systemOrigin, target: { kind: "thing", id: action } };
}

/** An audit log that has always had this one key. */
export function only(signer: Signer): () => Promise<AuditSigners> {
  return async () => ({ active: signer, of: () => null });
}
