import { clusterChain } from "./entry.ts";

/** What is wrong with a chain. Stable: programs go by it. */
export const chainFaults = [
  "gap",
  "wrong_link",
  "misplaced",
  "foreign_entry",
  "changed_columns",
  "unreadable",
  "cut_tail",
  "wrong_head",
  "beyond_head",
  "not_as_signed",
  "not_as_kept",
  "unexplained_start",
] as const;
export type ChainFaultCode = (typeof chainFaults)[number];

export interface ChainFault {
  /** The entry at which it shows first. */
  readonly seq: number;
  readonly code: ChainFaultCode;
  /** One sentence for people. */
  readonly detail: string;
}

/** What is wrong with the checkpoints. Stable: programs go by it. */
export const checkpointFaults = [
  "gap",
  "refused",
  "wrong_order",
  "wrong_heads",
  "unvouched_key",
  "cut_tail",
  "beyond_newest",
] as const;
export type CheckpointFaultCode = (typeof checkpointFaults)[number];

export interface CheckpointFault {
  /** The checkpoint at which it shows first. */
  readonly n: number;
  readonly code: CheckpointFaultCode;
  readonly detail: string;
}

/** A fault in words. */
export const chainFault = {
  gap: (seq: number, next: number) => fault(seq, "gap", `${entries(seq, next - 1)} missing: entry ${next} comes next.`),
  wrongLink: (seq: number) =>
    fault(seq, "wrong_link", `Entry ${seq} was changed, or one before it: it does not continue the chain.`),
  misplaced: (seq: number, was: number) =>
    fault(seq, "misplaced", `Entry ${seq} was written as entry ${was}: entries changed places.`),
  foreignEntry: (seq: number, chain: string) =>
    fault(seq, "foreign_entry", `Entry ${seq} was written for the chain of ${nameOf(chain)}, and was moved here.`),
  changedColumns: (seq: number, columns: readonly string[]) =>
    fault(seq, "changed_columns", `Entry ${seq} does not say the same as its columns ${columns.join(", ")}.`),
  unreadable: (seq: number) => fault(seq, "unreadable", `Entry ${seq} is no entry's text.`),
  cutTail: (seq: number, last: number) =>
    fault(seq, "cut_tail", `${entries(seq, last)} missing: the chain was cut at its end.`),
  wrongHead: (seq: number) =>
    fault(seq, "wrong_head", `The chain's head is not the link of entry ${seq}: one of the two was changed.`),
  noHead: (seq: number) => fault(seq, "wrong_head", "The chain's head was removed."),
  beyondHead: (seq: number) => fault(seq, "beyond_head", `Entry ${seq} stands after the chain's head: it was added.`),
  cutAfterSigned: (from: number, signed: number, n: number) =>
    fault(from, "cut_tail", `${entries(from, signed)} missing: checkpoint ${n} has signed entry ${signed}.`),
  notAsSigned: (seq: number, n: number) =>
    fault(seq, "not_as_signed", `Entry ${seq} or one before it was changed: checkpoint ${n} has signed another link.`),
  cutAfterKept: (from: number, kept: number) =>
    fault(from, "cut_tail", `${entries(from, kept)} missing: the checkpoint that was kept has signed entry ${kept}.`),
  notAsKept: (seq: number) =>
    fault(seq, "not_as_kept", `Entry ${seq} or one before it is another than in the checkpoint that was kept.`),
  unexplainedStart: (seq: number) =>
    fault(
      seq,
      "unexplained_start",
      `${entries(1, seq)} missing, and no retention that is on record removed just these.`,
    ),
} as const;

export function checkpointFault(n: number, code: CheckpointFaultCode, detail: string): CheckpointFault {
  return { n, code, detail };
}

function fault(seq: number, code: ChainFaultCode, detail: string): ChainFault {
  return { seq, code, detail };
}

function entries(from: number, to: number): string {
  return from >= to ? `Entry ${from} is` : `The entries ${from} to ${to} are`;
}

function nameOf(chain: string): string {
  return chain === clusterChain ? "the cluster" : `the tenant ${chain}`;
}
