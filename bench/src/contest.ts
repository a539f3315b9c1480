import { median } from "./median.ts";

/** One way of doing a thing, to be compared with others in the same run. */
export interface Contestant {
  readonly name: string;
  /** Does the thing once; a promise is awaited, since its user would have to. */
  readonly once: () => unknown;
}

export interface Result {
  readonly name: string;
  readonly perSecond: number;
  /** Of the first contestant's rate. */
  readonly ratio: number;
}

export interface Effort {
  readonly rounds: number;
  readonly roundMs: number;
}

/**
 * Lets the contestants run in turns, round after round, and compares the medians: a noisy neighbour then slows all of them,
 * and one bad round decides nothing. The first contestant is the measure.
 */
export async function contest(contestants: readonly Contestant[], effort: Effort): Promise<Result[]> {
  const rates = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  for (const contestant of contestants) await rateOf(contestant, effort.roundMs); // warm up
  for (let round = 0; round < effort.rounds; round++) {
    for (const contestant of contestants) rates.get(contestant.name)?.push(await rateOf(contestant, effort.roundMs));
  }
  const results = contestants.map(({ name }) => ({ name, perSecond: median(rates.get(name) ?? []) }));
  const measure = results[0]?.perSecond ?? 1;
  return results.map((result) => ({ ...result, ratio: result.perSecond / measure }));
}

async function rateOf({ once }: Contestant, roundMs: number): Promise<number> {
  const started = performance.now();
  let elapsed = 0;
  let count = 0;
  while (elapsed < roundMs) {
    for (let i = 0; i < 10; i++) {
      const outcome = once();
      if (outcome instanceof Promise) await outcome;
    }
    count += 10;
    elapsed = performance.now() - started;
  }
  return (count * 1000) / elapsed;
}
