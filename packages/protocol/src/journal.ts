import { Buffer } from "node:buffer";
import Type from "typebox";
import { Compile } from "typebox/compile";
import { sha256Base64url } from "./ed25519.ts";
import { maxJournalDataBytes } from "./limits.ts";
import { Milliseconds, Sha256 } from "./schemas.ts";

/**
 * The kinds of journal entry that this version writes. A cluster stores unknown kinds as they are: an agent may be newer.
 */
export const journalKinds = [
  "enrolled",
  "service_started",
  "service_stopping",
  "protection_on",
  "protection_off",
  "redeemed",
  "resumed",
  "refused",
  "rearmed",
  "drift",
  "service_left_alone",
  "pipe_taken",
  "config_refused",
  "update_started",
  "updated",
  "update_failed",
  "update_refused",
] as const;
export type JournalKind = (typeof journalKinds)[number];

/** Names and values are part of an entry's hash: unlike elsewhere, what is not of this form is refused, not dropped. */
const JournalData = Type.Refine(
  Type.Record(
    Type.String({ pattern: "^[a-z][A-Za-z0-9]{0,39}$" }),
    Type.Union([
      Type.String({ maxLength: 255 }),
      Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
      Type.Boolean(),
    ]),
    { additionalProperties: false },
  ),
  fitsJournal,
);

/** One thing that happened to an agent's protection. */
export const JournalEntry = Type.Object({
  /** 1, 2, 3 … within a journal id. */
  seq: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  /** What the system clock said, unix ms. */
  at: Milliseconds,
  /** What trusted time said, unix ms. */
  trustedAt: Milliseconds,
  kind: Type.String({ pattern: "^[a-z][a-z_]{0,39}$" }),
  data: JournalData,
  /** {@link journalEntryHash} of the entry before; {@link journalStart} before the first. */
  prev: Sha256,
});
export type JournalEntry = Type.Static<typeof JournalEntry>;

let compiled: { Check(value: unknown): boolean } | undefined;

/** Whether this can be an entry of a check-in. One that cannot would hold up all that come after it. */
export function isJournalEntry(value: unknown): value is JournalEntry {
  compiled ??= Compile(JournalEntry);
  return compiled.Check(value);
}

/** The `prev` of a journal's first entry. */
export function journalStart(journalId: string): string {
  return sha256Base64url(`postern-journal:${journalId}`);
}

/**
 * Names an entry and, through `prev`, everything before it: SHA-256 over the UTF-8 of the JSON array
 * `[seq, at, trustedAt, kind, [[name, value] … by name], prev]`. An array, since the order of an object's members does
 * not survive every program.
 */
export function journalEntryHash(entry: JournalEntry): string {
  const data = Object.entries(entry.data).sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256Base64url(JSON.stringify([entry.seq, entry.at, entry.trustedAt, entry.kind, data, entry.prev]));
}

/** Whether `data` keeps to {@link maxJournalDataBytes}; a longer one is refused when it is sent and when it is read. */
export function fitsJournal(data: Readonly<Record<string, string | number | boolean>>): boolean {
  return Buffer.byteLength(JSON.stringify(data)) <= maxJournalDataBytes;
}
