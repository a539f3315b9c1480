import { type JournalEntry, journalEntryHash, journalStart } from "@postern/protocol";

/** An entry of the same journal that is stored already. */
export interface StoredEntry {
  readonly seq: number;
  readonly hash: string;
}

/** What is to be done with the entries of one check-in. */
export interface JudgedEntries {
  /** Entries to store, each once. */
  readonly fresh: readonly JudgedEntry[];
  /** Stored entries of which another version has now arrived; to be marked as forked. */
  readonly forked: readonly StoredEntry[];
  /** The highest `seq` up to which everything will be stored. */
  readonly acked: number;
}

export interface JudgedEntry {
  readonly entry: JournalEntry;
  readonly hash: string;
  /** Another entry with this `seq` exists: a cloned or rolled-back machine. */
  readonly forked: boolean;
  /** Its `prev` names an entry that is stored; otherwise the history before it is another than the one delivered. */
  readonly linked: boolean;
}

/**
 * Compares what an agent delivers with what is stored of this journal.
 *
 * Delivery is at least once, so known entries are passed over. An entry beyond a gap is passed over too and comes again:
 * what is stored reaches from 1 to `acked` without a hole, but for one that a restore has torn: an agent forgets what was
 * acknowledged, and delivers its oldest entry first, so what is before that is lost. Nothing that was delivered is ever
 * dropped for disagreeing.
 *
 * @param stored the journal's entries from the one before the first delivered on
 * @param storedTo the highest `seq` stored; 0 when there is none
 * @param isTorn whether entries after `storedTo` were lost by a restore
 */
export function judgeEntries(
  journalId: string,
  entries: readonly JournalEntry[],
  stored: readonly StoredEntry[],
  storedTo: number,
  isTorn = false,
): JudgedEntries {
  const hashes = new Map<number, Set<string>>();
  const note = (seq: number, hash: string) => hashes.set(seq, (hashes.get(seq) ?? new Set()).add(hash));
  note(0, journalStart(journalId));
  for (const { seq, hash } of stored) note(seq, hash);

  const fresh: JudgedEntry[] = [];
  const forked = new Map<string, StoredEntry>();
  const inOrder = [...entries].sort((a, b) => a.seq - b.seq);
  let acked = isTorn ? Math.max(storedTo, (inOrder[0]?.seq ?? 0) - 1) : storedTo;
  for (const entry of inOrder) {
    if (entry.seq > acked + 1) break;
    const hash = journalEntryHash(entry);
    const others = hashes.get(entry.seq) ?? new Set<string>();
    if (!others.has(hash)) {
      const linked = hashes.get(entry.seq - 1)?.has(entry.prev) ?? false;
      fresh.push({ entry, hash, forked: others.size > 0, linked });
      for (const other of others) forked.set(`${entry.seq} ${other}`, { seq: entry.seq, hash: other });
      note(entry.seq, hash);
    }
    acked = Math.max(acked, entry.seq);
  }
  return { fresh, forked: [...forked.values()], acked };
}
