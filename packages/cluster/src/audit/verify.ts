import { dbLimits } from "../db/limits.ts";
import { acrossTenants } from "../db/tenant-guard.ts";
import type { Db } from "../schema.ts";
import type { ChainHead } from "./checkpoint.ts";
import { type AuditBody, firstLink, linkOf } from "./entry.ts";
import { type ChainFault, chainFault } from "./faults.ts";
import { isPruneOf } from "./prune-entry.ts";
import type { AuditCheckpointHeadTable, AuditEntryTable } from "./tables.ts";

export interface ChainVerdict {
  readonly chain: string;
  /** The first entry that is kept: 1, or a later one when retention has pruned those before. */
  readonly firstSeq: number;
  /** Entries that were found intact before the fault, or all. */
  readonly entries: number;
  /** The link of the last of them. */
  readonly head: string;
  /** Up to here checkpoints agree; 0 when none has signed this chain yet. */
  readonly signedSeq: number;
  readonly fault: ChainFault | null;
}

export interface VerifyChainOptions {
  /** Heads from checkpoints that were kept outside the cluster. */
  readonly kept?: readonly Pick<ChainHead, "seq" | "hash">[];
  /** Checkpoints up to this number count; those made meanwhile belong to the next verification. */
  readonly newestCheckpoint: number;
}

/**
 * Recomputes a chain from its stored bytes and compares it with all that checkpoints have signed of it.
 *
 * An entry that was changed, removed, added or put elsewhere shows by the chain alone. A tail cut with its head set back,
 * and a chain recomputed from some entry on, show against the stored checkpoints, which cannot be made without the audit key;
 * and whatever was done with that key, too, shows against a head that was kept outside.
 *
 * Reads page by page, and lets other requests have their turn in between.
 */
export async function verifyChain(db: Db, chain: string, options: VerifyChainOptions): Promise<ChainVerdict> {
  for (;;) {
    const start = await readStart(db, chain);
    const verdict = await walk(db, chain, start, options);
    if (verdict.fault === null) return verdict;
    // What retention removes under a verification's feet is no fault: it begins again.
    if ((await readStart(db, chain)).seq === start.seq) return verdict;
  }
}

/** Every chain there is or a checkpoint knows of, also one whose head or entries were removed. */
export async function listChains(db: Db): Promise<string[]> {
  const heads = await db.selectFrom("audit_chain").select("chain").execute();
  const written = await acrossTenants(
    db.selectFrom("audit_entry").select("chain").distinct(),
    "which chains there are; each is then read on its own",
  ).execute();
  const signed = await db.selectFrom("audit_checkpoint_head").select("chain").distinct().execute();
  return [...new Set([...heads, ...written, ...signed].map((row) => row.chain))].sort();
}

/** Where the chain begins: the entry before its first, with that entry's link. */
export async function readStart(db: Db, chain: string): Promise<{ seq: number; hash: string }> {
  const row = await db.selectFrom("audit_pruned").select(["seq", "hash"]).where("chain", "=", chain).executeTakeFirst();
  return row ?? { seq: 0, hash: firstLink };
}

async function walk(
  db: Db,
  chain: string,
  start: { readonly seq: number; readonly hash: string },
  { kept = [], newestCheckpoint }: VerifyChainOptions,
): Promise<ChainVerdict> {
  const head = await db.selectFrom("audit_chain").select(["seq", "hash"]).where("chain", "=", chain).executeTakeFirst();
  const signedHeads = readSignedHeads(db, chain, start.seq - 1, newestCheckpoint);
  const keptHashes = new Map(kept.map(({ seq, hash }) => [seq, hash]));
  let { seq, hash: link } = start;
  let signedSeq = 0;
  let startIsExplained = start.seq === 0;
  const verdict = (fault: ChainFault | null): ChainVerdict => ({
    chain,
    firstSeq: start.seq + 1,
    entries: seq - start.seq,
    head: link,
    signedSeq,
    fault,
  });

  /** Compares the link of the entry reached with what was signed and kept of it. */
  let signed = (await signedHeads.next()).value;
  async function compare(): Promise<ChainFault | null> {
    while (signed !== undefined && signed.seq <= seq) {
      if (signed.seq === seq && signed.hash !== link) return chainFault.notAsSigned(seq, signed.n);
      signedSeq = signed.seq;
      signed = (await signedHeads.next()).value;
    }
    const keptHash = keptHashes.get(seq);
    return keptHash !== undefined && keptHash !== link ? chainFault.notAsKept(seq) : null;
  }

  if (start.seq > 0) {
    const fault = await compare();
    if (fault !== null) return verdict(fault);
    if (signedSeq !== start.seq) return verdict(chainFault.unexplainedStart(start.seq));
    const other = await findOtherThanKept(db, chain, kept, start.seq);
    if (other !== null) return verdict(chainFault.notAsKept(other));
  }
  for (;;) {
    const rows = await db
      .selectFrom("audit_entry")
      .selectAll()
      .where("chain", "=", chain)
      .where("seq", ">", seq)
      .where("seq", "<=", head?.seq ?? 0) // what is written meanwhile belongs to the next verification
      .orderBy("seq")
      .limit(dbLimits.maxRowsPerStatement)
      .execute();
    for (const row of rows) {
      if (row.seq !== seq + 1) return verdict(chainFault.gap(seq + 1, row.seq));
      const body = parseBody(row.body);
      if (row.hash !== linkOf(link, row.body)) return verdict(whyNotLinked(row, body));
      if (body === null) return verdict(chainFault.unreadable(row.seq));
      const changed = changedColumns(row, body);
      if (changed.length > 0) return verdict(chainFault.changedColumns(row.seq, changed));
      seq = row.seq;
      link = row.hash;
      if (!startIsExplained) startIsExplained = isPruneOf(body, start);
      const fault = await compare();
      if (fault !== null) return verdict(fault);
    }
    if (rows.length < dbLimits.maxRowsPerStatement) break;
    await new Promise((resolve) => setImmediate(resolve)); // long chains must not stop other requests
  }
  if (head === undefined && (await lastSeq(db, chain)) > start.seq) return verdict(chainFault.noHead(start.seq + 1));
  if (head !== undefined && head.seq > seq) return verdict(chainFault.cutTail(seq + 1, head.seq));
  if (signed !== undefined) return verdict(chainFault.cutAfterSigned(seq + 1, signed.seq, signed.n));
  const lastKept = Math.max(0, ...keptHashes.keys());
  if (lastKept > seq) return verdict(chainFault.cutAfterKept(seq + 1, lastKept));
  if (head !== undefined && (head.seq !== seq || head.hash !== link)) return verdict(chainFault.wrongHead(seq));
  if (!startIsExplained) return verdict(chainFault.unexplainedStart(start.seq));
  const added = await findBeyondHead(db, chain);
  return verdict(added === null ? null : chainFault.beyondHead(added));
}

/** What checkpoints have signed of a chain, in the order of its entries. The rows are vouched for by `verifyCheckpoints`. */
async function* readSignedHeads(
  db: Db,
  chain: string,
  from: number,
  newestCheckpoint: number,
): AsyncGenerator<AuditCheckpointHeadTable, undefined> {
  let after = from;
  for (;;) {
    const page = await db
      .selectFrom("audit_checkpoint_head")
      .selectAll()
      .where("chain", "=", chain)
      .where("seq", ">", after)
      .where("n", "<=", newestCheckpoint)
      .orderBy("seq")
      .limit(dbLimits.maxRowsPerStatement)
      .execute();
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < dbLimits.maxRowsPerStatement) return;
    after = last.seq;
  }
}

/** Of entries that were pruned there is only what checkpoints signed of them, and a head that was kept is one of those. */
async function findOtherThanKept(
  db: Db,
  chain: string,
  kept: readonly Pick<ChainHead, "seq" | "hash">[],
  startSeq: number,
): Promise<number | null> {
  for (const { seq, hash } of kept) {
    if (seq >= startSeq) continue;
    const row = await db
      .selectFrom("audit_checkpoint_head")
      .select("hash")
      .where("chain", "=", chain)
      .where("seq", "=", seq)
      .executeTakeFirst();
    if (row?.hash !== hash) return seq;
  }
  return null;
}

function parseBody(text: string): AuditBody | null {
  try {
    const body = JSON.parse(text) as AuditBody | null;
    return typeof body?.who === "object" && body.who !== null ? body : null;
  } catch {
    return null;
  }
}

function whyNotLinked(row: AuditEntryTable, body: AuditBody | null): ChainFault {
  if (body !== null && body.chain !== row.chain) return chainFault.foreignEntry(row.seq, String(body.chain));
  if (body !== null && body.seq !== row.seq) return chainFault.misplaced(row.seq, Number(body.seq));
  return chainFault.wrongLink(row.seq);
}

function changedColumns(row: AuditEntryTable, body: AuditBody): string[] {
  const told: Partial<AuditEntryTable> = {
    chain: body.chain,
    seq: body.seq,
    id: body.id,
    at: Date.parse(body.at),
    action: body.action,
    outcome: body.outcome,
    who_id: body.who.id ?? "",
    target_kind: body.target?.kind ?? "",
    target_id: body.target?.id ?? "",
  };
  return Object.entries(told)
    .filter(([column, value]) => row[column as keyof AuditEntryTable] !== value)
    .map(([column]) => column);
}

/** An entry behind the head. Entries and their head are written together, so the head is read after the entries. */
async function findBeyondHead(db: Db, chain: string): Promise<number | null> {
  const last = await lastSeq(db, chain);
  const head = await db.selectFrom("audit_chain").select("seq").where("chain", "=", chain).executeTakeFirst();
  return last > (head?.seq ?? 0) && head !== undefined ? head.seq + 1 : null;
}

async function lastSeq(db: Db, chain: string): Promise<number> {
  const row = await db
    .selectFrom("audit_entry")
    .select("seq")
    .where("chain", "=", chain)
    .orderBy("seq", "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.seq ?? 0;
}
