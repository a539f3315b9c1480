import { test } from "vitest";
import { type Judgement, judge } from "./judge.ts";
import { step } from "./steps.ts";

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
