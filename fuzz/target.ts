import type { Random } from "./random.ts";

/** A reader of what others send or leave on the disk, and what may come of it. */
export interface Target {
  readonly name: string;
  /** Every way in which an input may end. */
  readonly outcomes: readonly string[];
  /** A new input. */
  input(random: Random): Promise<Uint8Array>;
  /**
   * Reads it, and says how that ended. What it throws is a finding, and so is an outcome that is not one of
   * {@link outcomes}; it holds what it accepted against what readers may rely on.
   */
  read(input: Uint8Array): string;
}

/** Throws unless `kept`: something was accepted that does not keep what its reader promises. */
export function promise(kept: boolean, what: string): void {
  if (!kept) throw new Error(`broken promise: ${what}`);
}
