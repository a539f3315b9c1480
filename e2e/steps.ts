/** Runs one step of a story and prints one line when it has passed. A step that fails ends the story with its own name. */
export async function step<T>(name: string, act: () => Promise<T> | T): Promise<T> {
  const started = performance.now();
  try {
    const result = await act();
    console.log(`  ok  ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
    return result;
  } catch (error) {
    throw new Error(`step failed: ${name}`, { cause: error });
  }
}

/** Polls until `look` gives something that is not undefined; throws with `what` when it does not in time. */
export async function eventually<T>(
  what: string,
  withinMs: number,
  look: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  let lastError: unknown;
  do {
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      lastError = error;
    }
    await pause(50);
  } while (performance.now() < deadline);
  throw new Error(`not within ${withinMs} ms: ${what}`, { cause: lastError });
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
