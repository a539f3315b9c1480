import { join } from "node:path";
import { fitsJournal, isJournalEntry, type JournalEntry, journalEntryHash, journalStart } from "@postern/protocol";
import type { EntryData } from "../core/state.ts";
import { journalBatchChars, journalSoftBytes, reservedBytes } from "../limits.ts";
import type { FileSystem } from "./file-system.ts";
import { type ReservedFile, reservedFile } from "./reserved-file.ts";

/** The append-only list of what happened to protection, until the cluster has it. */
export interface Journal {
  readonly id: string;
  /** What the cluster has not acknowledged. */
  entries(): readonly JournalEntry[];
  /** As much of it, from the oldest on, as one check-in takes. */
  batch(maxEntries: number): JournalEntry[];
  /** Durable when it returns. Data over what the protocol allows is cut: see {@link fitting}. */
  append(entry: NewEntry): JournalEntry;
  /** Forgets what the cluster has stored for good. */
  acknowledged(seq: number): void;
  /** No room for entries that somebody could cause at will. */
  full(): boolean;
}

export interface NewEntry {
  readonly at: number;
  readonly trustedAt: number;
  readonly kind: string;
  readonly data: EntryData;
}

/**
 * Opens the journal in `folder`, or begins one named `newId`.
 *
 * A last line that was torn by a power cut is dropped: nothing had been reported of it. Damage before that cannot come
 * from a cut; nor can an entry that no check-in could carry, which would hold up all after it. Such a journal is laid aside, and a new one with another id begins, so that the cluster sees no fork.
 */
export function openJournal(fs: FileSystem, folder: string, newId: string): { journal: Journal; damaged: boolean } {
  const file = reservedFile(fs, join(folder, "journal"), reservedBytes);
  const bytes = file.read();
  const contents = bytes && parseJournal(bytes);
  if (contents) return { journal: journalOf(fs, file, contents), damaged: false };
  if (bytes) fs.rename(file.path, `${file.path}.damaged`);
  return { journal: beginJournal(fs, folder, newId), damaged: bytes !== undefined };
}

/** Begins a journal in place of any other: a new enrolment is a new agent. */
export function beginJournal(fs: FileSystem, folder: string, id: string): Journal {
  const file = reservedFile(fs, join(folder, "journal"), reservedBytes);
  const contents: Contents = { head: { v: 1, id, after: 0, prev: journalStart(id) }, entries: [], end: 0 };
  return journalOf(fs, file, rewrite(file, contents.head, []));
}

/** The first line: where the entries that follow continue. */
interface Head {
  readonly v: 1;
  readonly id: string;
  readonly after: number;
  readonly prev: string;
}

interface Contents {
  readonly head: Head;
  readonly entries: readonly JournalEntry[];
  /** Bytes up to where the next line goes. */
  readonly end: number;
}

function journalOf(fs: FileSystem, file: ReservedFile, opened: Contents): Journal {
  let { head, entries, end } = opened;
  const last = () => {
    const entry = entries.at(-1);
    return entry ? { seq: entry.seq, hash: journalEntryHash(entry) } : { seq: head.after, hash: head.prev };
  };
  return {
    id: head.id,
    entries: () => entries,
    batch(maxEntries) {
      let chars = 0;
      const batch: JournalEntry[] = [];
      for (const entry of entries.slice(0, maxEntries)) {
        chars += JSON.stringify(entry).length;
        if (chars > journalBatchChars && batch.length > 0) break;
        batch.push(entry);
      }
      return batch;
    },
    append({ at, trustedAt, kind, data }) {
      const { seq, hash } = last();
      const entry: JournalEntry = { seq: seq + 1, at, trustedAt, kind, data: fitting(data), prev: hash };
      const line = lineOf(entry);
      try {
        fs.write(file.path, end, Buffer.concat([line, nul]));
        fs.flush(file.path);
      } catch (error) {
        scrub(line.length);
        throw error;
      }
      entries = [...entries, entry];
      end += line.length;
      return entry;
    },
    acknowledged(seq) {
      const acked = entries.findLast((entry) => entry.seq <= seq);
      if (!acked) return;
      const nextHead: Head = { ...head, after: acked.seq, prev: journalEntryHash(acked) };
      const rewritten = rewrite(
        file,
        nextHead,
        entries.filter((entry) => entry.seq > acked.seq),
      );
      head = rewritten.head;
      entries = rewritten.entries;
      end = rewritten.end;
    },
    full: () => end >= journalSoftBytes,
  };

  /** What a failed append may have left must not be taken for an entry beside the next one. */
  function scrub(length: number): void {
    try {
      fs.write(file.path, end, new Uint8Array(length));
    } catch {
      // The next append writes over it.
    }
  }
}

const nul = Buffer.from([0]);

function rewrite(file: ReservedFile, head: Head, entries: readonly JournalEntry[]): Contents {
  const content = Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), ...entries.map(lineOf)]);
  // Zeros to the end: after a torn line nothing of an older version may follow.
  file.replace(Buffer.concat([content, Buffer.alloc(Math.max(1, reservedBytes - content.length))]));
  return { head, entries, end: content.length };
}

/** An entry's hash, then the entry: a line that is whole shows it. */
function lineOf(entry: JournalEntry): Buffer {
  return Buffer.from(`${journalEntryHash(entry)} ${JSON.stringify(entry)}\n`);
}

/** The journal up to its torn last line, or undefined when there is damage before that. */
function parseJournal(bytes: Uint8Array): Contents | undefined {
  const text = Buffer.from(bytes);
  const nulAt = text.indexOf(0);
  const written = nulAt === -1 ? text : text.subarray(0, nulAt);
  const lines: Buffer[] = [];
  let at = 0;
  for (let newline = written.indexOf(10); newline !== -1; newline = written.indexOf(10, at)) {
    lines.push(written.subarray(at, newline));
    at = newline + 1;
  }
  const [first, ...rest] = lines;
  const head = first && parseHead(first);
  if (!first || !head) return undefined;
  let end = first.length + 1;
  let previous = { seq: head.after, hash: head.prev };
  const entries: JournalEntry[] = [];
  for (const [index, line] of rest.entries()) {
    const entry = parseLine(line, previous);
    if (!entry) {
      const isLast = index === rest.length - 1 && at === written.length;
      if (isLast) break;
      return undefined;
    }
    entries.push(entry);
    previous = { seq: entry.seq, hash: journalEntryHash(entry) };
    end += line.length + 1;
  }
  return entries.every(isJournalEntry) ? { head, entries, end } : undefined;
}

/** Data as a check-in can carry it. All that we write fits; should that ever not be so, the entry still has to go out. */
function fitting(data: EntryData): Record<string, string | number | boolean> {
  for (const maxChars of [255, 80, 20]) {
    const cut = Object.entries(data).map(
      ([name, value]) => [name, typeof value === "string" ? value.slice(0, maxChars).toWellFormed() : value] as const,
    );
    if (fitsJournal(Object.fromEntries(cut))) return Object.fromEntries(cut);
  }
  return { cut: true };
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A head that no entry could follow which a check-in can carry would hold up all that comes. */
function parseHead(line: Buffer): Head | undefined {
  const head = parseJson(line.toString("utf8")) as Partial<Head> | undefined;
  if (head?.v !== 1 || typeof head.id !== "string" || !uuid.test(head.id)) return undefined;
  const { id, after, prev } = head;
  if (typeof after !== "number" || typeof prev !== "string" || (after === 0 && prev !== journalStart(id)))
    return undefined;
  const following = { seq: after + 1, at: 0, trustedAt: 0, kind: "following", data: {}, prev };
  return isJournalEntry(following) ? { v: 1, id, after, prev } : undefined;
}

function parseLine(line: Buffer, previous: { seq: number; hash: string }): JournalEntry | undefined {
  const text = line.toString("utf8");
  const space = text.indexOf(" ");
  const entry = parseJson(text.slice(space + 1)) as JournalEntry | undefined;
  if (!entry || typeof entry !== "object" || typeof entry.data !== "object" || entry.data === null) return undefined;
  if (entry.seq !== previous.seq + 1 || entry.prev !== previous.hash) return undefined;
  // Nothing of ours lies deeper, and what lies very deep cannot be hashed.
  const values = [entry.at, entry.trustedAt, entry.kind, ...Object.values(entry.data)];
  if (values.some((value) => typeof value === "object")) return undefined;
  return text.slice(0, space) === journalEntryHash(entry) ? entry : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
