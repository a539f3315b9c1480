import { randomOf } from "./random.ts";
import type { Target } from "./target.ts";

/** More work than this on one input is a hang, ms of the processor: a busy machine is not the reader's fault. */
export const hangMs = 1000;

/** What came of reading many inputs. */
export interface Round {
  readonly runs: number;
  readonly ms: number;
  /** How often each outcome was seen. */
  readonly outcomes: ReadonlyMap<string, number>;
  readonly finding?: Finding;
}

/** An input that ended in another way than those documented. */
export interface Finding {
  readonly run: number;
  readonly input: Uint8Array;
  readonly problem: string;
}

/**
 * Reads inputs until `enough` says so, or until the first finding. `seed` and the number of the run give the input.
 *
 * @param starting is told each run's number before it begins: of one that never ends nothing else will be heard
 */
export async function fuzzRound(
  target: Target,
  seed: number,
  firstRun: number,
  enough: (runs: number, ms: number) => boolean,
  starting: (run: number) => void = () => {},
): Promise<Round> {
  const began = performance.now();
  const outcomes = new Map<string, number>();
  for (let runs = 0; ; runs++) {
    const ms = performance.now() - began;
    if (enough(runs, ms)) return { runs, ms, outcomes };
    const run = firstRun + runs;
    const input = await target.input(randomOf(seed, run));
    starting(run);
    const { outcome, problem } = readOnce(target, input);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    if (problem !== undefined) return { runs: runs + 1, ms, outcomes, finding: { run, input, problem } };
  }
}

/** Reads one input. */
export function readOnce(target: Target, input: Uint8Array): { outcome: string; problem?: string } {
  const before = process.threadCpuUsage();
  let outcome: string;
  try {
    outcome = target.read(input);
  } catch (error) {
    return { outcome: "exception", problem: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  const { user, system } = process.threadCpuUsage(before);
  const ms = (user + system) / 1000;
  if (ms > hangMs) return { outcome, problem: `took ${Math.round(ms)} ms` };
  return target.outcomes.includes(outcome) ? { outcome } : { outcome, problem: `${outcome} is not documented` };
}
