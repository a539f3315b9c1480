import { test } from "vitest";
import { step } from "./steps.ts";

/** On what the Windows tests run: Wine on Linux, or a real Windows. */
export type Judge = "wine" | "windows";

export const judge: Judge = process.platform === "win32" ? "windows" : "wine";

/** A chapter that only one of the two can judge, and what the other lacks. */
export interface Judgement {
  readonly judgedBy: Judge;
  readonly because: string;
}

/**
 * One chapter of a story is one test; it prints a line when it has passed.
 *
 * A chapter that only the other judge can try prints why it does not run here. It is not counted as skipped: a skipped
 * test fails the run on a build server, and this one runs there, on the other judge's machine.
 */
export function chapter(name: string, act: () => Promise<void>, only?: Judgement): void {
  if (only === undefined || only.judgedBy === judge) test(name, () => step(name, act));
  else console.log(`  --  ${name}: judged by ${only.judgedBy} only: ${only.because}`);
}
