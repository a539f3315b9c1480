import { alarmLimits } from "./limits.ts";

/** An entry of a journal, as far as rows of refusals go. */
export interface RowEntry {
  readonly kind: string;
  readonly trustedAt: number;
  /** How many more refusals there were that the agent only counted. */
  readonly unrecorded: number;
}

/** Kinds of entry that make or break a row. */
export const rowKinds = ["refused", "redeemed", "resumed"] as const;

/**
 * The longest row of refusals that ends among the last `freshCount` entries: one after the other within the window of
 * time, without a token that was taken between them.
 *
 * @param entries in the order of the journal; older ones first, the fresh ones at the end
 */
export function longestRowOfRefusals(entries: readonly RowEntry[], freshCount: number): number {
  let longest = 0;
  let row: RowEntry[] = [];
  for (const [index, entry] of entries.entries()) {
    if (entry.kind !== "refused") {
      row = [];
      continue;
    }
    // Trusted time may go back when the agent learns better; what is not clearly older counts.
    row = row.filter(({ trustedAt }) => entry.trustedAt - trustedAt < alarmLimits.refusalWindowMs);
    row.push(entry);
    if (index < entries.length - freshCount) continue;
    longest = Math.max(
      longest,
      row.reduce((count, { unrecorded }) => count + 1 + unrecorded, 0),
    );
  }
  return longest;
}
