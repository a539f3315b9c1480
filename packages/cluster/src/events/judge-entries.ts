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
 * what is stored reaches from 1 to `acked` without a hole. Nothing that was delivered is ever dropped for disagreeing.
 *
 * @param stored the journal's entries from the one before the first delivered on
 * @param storedTo the highest `seq` stored; 0 when there is none
 */
export function judgeEntries(
  journalId: string,
  entries: readonly JournalEntry[],
  stored: readonly StoredEntry[],
  storedTo: number,
): JudgedEntries {
  const hashes = new Map<number, Set<string>>();
  const note = (seq: number, hash: string) => hashes.set(seq, (hashes.get(seq) ?? new Set()).add(hash));
  note(0, journalStart(journalId));
  for (const { seq, hash } of stored) note(seq, hash);

  const fresh: JudgedEntry[] = [];
  const forked = new Map<string, StoredEntry>();
  let acked = storedTo;
  for (const entry of [...entries].sort((a, b) => a.seq - b.seq)) {
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
