import { parseAudience, type TokenTarget } from "@postern/token";
import type { Audit } from "../audit/record.ts";
import { type Clock, toRfc3339 } from "../clock.ts";
import { acrossTenants } from "../db/tenant-guard.ts";
import { operatorOrigin, systemOrigin } from "../http/origin.ts";
import type { KeyStore } from "../keys/key-store.ts";
import type { Db, Store, Tx } from "../schema.ts";
import {
  type FoundRecord,
  type OfflineRecord,
  readOfflineRecords,
  removeOfflineRecord,
  setRecordAside,
} from "./offline-record.ts";
import type { AgentTokenTable } from "./tables.ts";

export interface EnterOfflineOptions {
  readonly store: Store;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly keyStore: KeyStore;
  readonly clusterId: string;
}

/**
 * Enters the tokens that were generated with this node's keys alone into the audit log and the list of tokens: each
 * once, whichever nodes find its record and however often one of them is cut off. A record goes only when it is entered.
 *
 * A token for an agent or tenant that the database does not know (any more, or yet) stands in the audit log; its record
 * stays, and gets into the list with the first start that knows them. What is not a record of these keys is set aside,
 * and the audit log says so.
 */
export async function enterOfflineTokens(options: EnterOfflineOptions): Promise<void> {
  for (const found of readOfflineRecords(options.keyStore)) {
    const { record } = found;
    if (record === undefined || record.claims.iss !== `urn:postern:cluster:${options.clusterId}`) {
      await refuse(options, found);
    } else if (await enter(options, record)) removeOfflineRecord(found);
  }
}

/** @returns whether the token is in the list */
async function enter({ store, audit, clock }: EnterOfflineOptions, record: OfflineRecord): Promise<boolean> {
  return store.durable(async (tx) => {
    const place = await findPlace(tx, record);
    const isNew = await tx
      .insertInto("offline_token")
      .values({ id: record.claims.jti, entered_at: clock.now() })
      .onConflict((conflict) => conflict.doNothing())
      .returning("id")
      .executeTakeFirst();
    if (isNew !== undefined) {
      audit.record(tx, {
        tenantId: place?.tenantId ?? null,
        action: "agent-token.generate",
        outcome: "done",
        origin: operatorOrigin(record.by.user, record.by.host),
        target: { kind: "agent-token", id: record.claims.jti },
        why: record.reason,
        details: {
          kind: targetOf(record).kind,
          ...agentOf(targetOf(record)),
          offline: true,
          generatedAt: toRfc3339(record.claims.iat * 1000),
          expiresAt: toRfc3339(record.claims.exp * 1000),
          kid: record.kid,
          sha256: record.sha256,
          ...(record.ticket !== null && { ticket: record.ticket }),
          ...(place === undefined && { unknownTarget: record.claims.aud }),
        },
      });
    }
    if (place === undefined) return false;
    await list(tx, record, place);
    return true;
  });
}

async function refuse({ store, audit }: EnterOfflineOptions, found: FoundRecord): Promise<void> {
  await store.durable(async (tx) =>
    audit.record(tx, {
      tenantId: null,
      action: "agent-token.generate",
      outcome: "refused",
      origin: systemOrigin,
      target: { kind: "agent-token", id: null },
      why: "offline_record_altered",
      details: { offline: true, file: found.path },
    }),
  );
  setRecordAside(found);
}

/** Where a token belongs. */
interface Place {
  readonly tenantId: string | null;
  readonly agentId: string | null;
}

async function findPlace(db: Db, record: OfflineRecord): Promise<Place | undefined> {
  const target = targetOf(record);
  if (target.kind === "cluster") return { tenantId: null, agentId: null };
  if (target.kind === "tenant") {
    const { tenantId } = target;
    const tenant = await db.selectFrom("tenant").select("id").where("id", "=", tenantId).executeTakeFirst();
    return tenant && { tenantId, agentId: null };
  }
  const { agentId } = target;
  const agent = await acrossTenants(
    db.selectFrom("agent").select("tenant_id").where("id", "=", agentId),
    "the sealed record of an offline token names its agent, whose tenant is what is asked for",
  ).executeTakeFirst();
  return agent && { tenantId: agent.tenant_id, agentId };
}

async function list(tx: Tx, record: OfflineRecord, { tenantId, agentId }: Place): Promise<void> {
  const { claims, by } = record;
  const row: AgentTokenTable = {
    id: claims.jti,
    kind: targetOf(record).kind,
    tenant_id: tenantId,
    agent_id: agentId,
    kid: record.kid,
    claims: JSON.stringify(claims),
    token_sha256: record.sha256,
    issued_at: claims.iat * 1000,
    expires_at: claims.exp * 1000,
    reason: record.reason,
    ticket: record.ticket,
    issued_by_id: "offline",
    issued_by_name: `${by.user} on ${by.host}`,
    revoked_at: null,
    revoked_by_name: null,
  };
  await tx
    .insertInto("agent_token")
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  // An agent may have told of it before this node came up.
  const told = acrossTenants(
    tx.updateTable("redemption").where("jti", "=", claims.jti),
    "agents of any tenant may have told of this one token before it was entered",
  );
  await told.set({ verdict: "other_target" }).where("verdict", "=", "unknown").execute();
  let meant = told.where("verdict", "=", "other_target");
  if (tenantId !== null) meant = meant.where("tenant_id", "=", tenantId);
  if (agentId !== null) meant = meant.where("agent_id", "=", agentId);
  await meant.set({ verdict: "issued" }).execute();
}

function targetOf({ claims }: OfflineRecord): TokenTarget {
  const target = parseAudience(claims.aud);
  if (target === undefined) throw new TypeError("a record that was sealed without a target");
  return target;
}

function agentOf(target: TokenTarget): { agentId?: string } {
  return target.kind === "agent" ? { agentId: target.agentId } : {};
}
