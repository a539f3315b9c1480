import type { JournalEntry } from "@postern/protocol";
import { sql } from "kysely";
import { onPage } from "../db/keyset.ts";
import { withinReach } from "../db/tenant-guard.ts";
import type { Reach } from "../http/access.ts";
import type { PageRequest } from "../http/paging.ts";
import { lastRestoredAt } from "../restore-gaps.ts";
import type { Db, Tx } from "../schema.ts";
import { type Redemption, recordRedemption } from "../tokens/redemptions.ts";
import type { RedemptionVerdict } from "../tokens/tables.ts";
import type { AlarmServices } from "./alarms.ts";
import { type JudgedRedemption, raiseFromJournal } from "./journal-alarms.ts";
import { type JudgedEntry, judgeEntries, type StoredEntry } from "./judge-entries.ts";
import type { JournalEntryTable } from "./tables.ts";

/** Whose journal it is. */
export interface JournalOwner {
  readonly agentId: string;
  readonly tenantId: string;
  readonly journalId: string;
  /** As the workload is called now. */
  readonly hostName: string;
}

/**
 * Stores what a check-in delivers of a journal, each entry once, matches its redemptions with issuance, and raises what
 * somebody should look at.
 *
 * @returns the highest `seq` up to which everything is stored; true once the transaction is committed
 */
export async function storeEntries(
  tx: Tx,
  services: AlarmServices,
  owner: JournalOwner,
  entries: readonly JournalEntry[],
  now: number,
): Promise<number> {
  const stored = await storedAround(tx, owner, entries);
  const storedTo = await highestStored(tx, owner);
  const isBeyond = Math.min(...entries.map(({ seq }) => seq)) > storedTo + 1;
  const isTorn = isBeyond && (await isTornByRestore(tx, owner));
  const judged = judgeEntries(owner.journalId, entries, stored, storedTo, isTorn);
  if (judged.fresh.length === 0) return judged.acked;
  const { newId, feed } = services;
  const rows = judged.fresh.map((one) => toRow(owner, one, newId(), now));
  await tx.insertInto("journal_entry").values(rows).execute();
  for (const { seq, hash } of judged.forked) await markForked(tx, owner, seq, hash);
  const redemptions: JudgedRedemption[] = [];
  for (const { entry, hash } of judged.fresh.filter((one) => one.entry.kind === "redeemed")) {
    const redemption = toRedemption(owner, entry, hash, now);
    const { verdict, tenantId } = await recordRedemption(tx, redemption);
    redemptions.push({ entry, verdict });
    if (verdict !== "issued") continue;
    const { agentId } = owner;
    feed.publish(tx, { kind: "token", tenantId, agentId, tokenId: redemption.jti, what: "redeemed" });
  }
  feed.publish(tx, { kind: "journal", tenantId: owner.tenantId, agentId: owner.agentId });
  await raiseFromJournal(tx, services, owner, { fresh: judged.fresh, isTorn, redemptions }, now);
  return judged.acked;
}

/** The highest `seq` stored of a journal; all below it are stored too, or were lost by a restore. 0: none. */
export async function highestStored(
  db: Db,
  { agentId, tenantId, journalId }: Omit<JournalOwner, "hostName">,
): Promise<number> {
  const last = await db
    .selectFrom("journal_entry")
    .select("seq")
    .where("tenant_id", "=", tenantId)
    .where("agent_id", "=", agentId)
    .where("journal_id", "=", journalId)
    .orderBy("seq", "desc")
    .limit(1)
    .executeTakeFirst();
  return last?.seq ?? 0;
}

/**
 * Whether the cluster was restored since it last stored something of this journal: then the agent may have been told that
 * more was stored, and have forgotten it. The first delivery after that closes the hole, so that there is no second one.
 */
async function isTornByRestore(tx: Tx, { agentId, tenantId, journalId }: JournalOwner): Promise<boolean> {
  const restoredAt = await lastRestoredAt(tx);
  if (restoredAt === null) return false;
  const last = await tx
    .selectFrom("journal_entry")
    .select("received_at as at")
    .where("tenant_id", "=", tenantId)
    .where("agent_id", "=", agentId)
    .where("journal_id", "=", journalId)
    .orderBy("seq", "desc")
    .orderBy("received_at", "desc")
    .limit(1)
    .executeTakeFirst();
  if (last !== undefined) return last.at < restoredAt;
  const agent = await tx
    .selectFrom("agent")
    .select("enrolled_at as at")
    .where("tenant_id", "=", tenantId)
    .where("id", "=", agentId)
    .executeTakeFirst();
  return agent !== undefined && agent.at < restoredAt;
}

export interface EventFilter {
  readonly agentId?: string;
  readonly kind?: string;
  /** RFC 3339: received then or later. */
  readonly since?: string;
  /** RFC 3339: received before then. */
  readonly until?: string;
}

export type ListedEvent = JournalEntryTable & {
  readonly host_name: string;
  /** Only of the kind `redeemed`. */
  readonly verdict: RedemptionVerdict | null;
};

/** At most `limit + 1` entries of the journals within reach, in the order of their arrival. */
export async function listEvents(
  db: Db,
  reach: Reach,
  filter: EventFilter,
  { after, direction, limit }: PageRequest<"receivedAt">,
): Promise<ListedEvent[]> {
  const all = db
    .selectFrom("journal_entry")
    .leftJoin("agent", (join) =>
      join.onRef("agent.id", "=", "journal_entry.agent_id").onRef("agent.tenant_id", "=", "journal_entry.tenant_id"),
    )
    .leftJoin("tombstone", (join) =>
      join
        .onRef("tombstone.id", "=", "journal_entry.agent_id")
        .onRef("tombstone.tenant_id", "=", "journal_entry.tenant_id"),
    )
    .leftJoin("redemption", (join) =>
      join
        .onRef("redemption.tenant_id", "=", "journal_entry.tenant_id")
        .onRef("redemption.agent_id", "=", "journal_entry.agent_id")
        .onRef("redemption.journal_id", "=", "journal_entry.journal_id")
        .onRef("redemption.seq", "=", "journal_entry.seq")
        .onRef("redemption.hash", "=", "journal_entry.hash"),
    )
    .selectAll("journal_entry")
    .select((row) => [
      row.fn.coalesce("agent.host_name", "tombstone.host_name", sql.lit("")).as("host_name"),
      "redemption.verdict",
    ]);
  let query = withinReach(all, "journal_entry.tenant_id", reach);
  if (filter.agentId !== undefined) query = query.where("journal_entry.agent_id", "=", filter.agentId);
  if (filter.kind !== undefined) query = query.where("journal_entry.kind", "=", filter.kind);
  if (filter.since !== undefined) query = query.where("journal_entry.received_at", ">=", Date.parse(filter.since));
  if (filter.until !== undefined) query = query.where("journal_entry.received_at", "<", Date.parse(filter.until));
  return onPage(
    query,
    { key: "journal_entry.received_at", id: "journal_entry.id" },
    { direction, after, limit },
  ).execute();
}

/** What is stored of the entries delivered, and of the one before the first. */
async function storedAround(
  tx: Tx,
  { agentId, tenantId, journalId }: JournalOwner,
  entries: readonly JournalEntry[],
): Promise<StoredEntry[]> {
  const seqs = entries.map((entry) => entry.seq);
  return tx
    .selectFrom("journal_entry")
    .select(["seq", "hash"])
    .where("tenant_id", "=", tenantId)
    .where("agent_id", "=", agentId)
    .where("journal_id", "=", journalId)
    .where("seq", ">=", Math.min(...seqs) - 1)
    .where("seq", "<=", Math.max(...seqs))
    .execute();
}

async function markForked(
  tx: Tx,
  { agentId, tenantId, journalId }: JournalOwner,
  seq: number,
  hash: string,
): Promise<void> {
  await tx
    .updateTable("journal_entry")
    .set({ forked: 1 })
    .where("tenant_id", "=", tenantId)
    .where("agent_id", "=", agentId)
    .where("journal_id", "=", journalId)
    .where("seq", "=", seq)
    .where("hash", "=", hash)
    .execute();
}

function toRedemption(
  { agentId, tenantId, journalId }: JournalOwner,
  { seq, data, at, trustedAt }: JournalEntry,
  hash: string,
  now: number,
): Redemption {
  return {
    agent_id: agentId,
    tenant_id: tenantId,
    journal_id: journalId,
    seq,
    hash,
    // A redemption that names no token is one of a token that was never issued.
    jti: typeof data["jti"] === "string" ? data["jti"] : "",
    at,
    trusted_at: trustedAt,
    received_at: now,
  };
}

function toRow(
  owner: JournalOwner,
  { entry, hash, forked, linked }: JudgedEntry,
  id: string,
  now: number,
): JournalEntryTable {
  return {
    id,
    agent_id: owner.agentId,
    tenant_id: owner.tenantId,
    journal_id: owner.journalId,
    seq: entry.seq,
    hash,
    at: entry.at,
    trusted_at: entry.trustedAt,
    kind: entry.kind,
    data: JSON.stringify(entry.data),
    prev: entry.prev,
    received_at: now,
    forked: forked ? 1 : 0,
    linked: linked ? 1 : 0,
  };
}
