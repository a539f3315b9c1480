import { guardLookGapMs, guardLookMs } from "./limits.ts";
import { messageOf } from "./message-of.ts";
import type { Guard } from "./ports.ts";

/**
 * Has the guard looked after: from time to time, and soon after the platform tells of a change. However many changes it
 * tells of, looks are {@link guardLookGapMs} apart.
 */
export function lookAfterGuard(
  guard: Guard,
  look: () => void,
  ports: { readonly guardLookMs?: number; log(line: string): void },
): { stop(): void } {
  if (!guard.supported) return { stop() {} };
  const everyMs = ports.guardLookMs ?? guardLookMs;
  let stopped = false;
  let timer = setTimeout(run, everyMs);
  let soon: NodeJS.Timeout | undefined;
  const watching = startWatching();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      clearTimeout(soon);
      watching?.close();
    },
  };

  function run(): void {
    clearTimeout(timer);
    clearTimeout(soon);
    soon = undefined;
    timer = setTimeout(run, everyMs);
    try {
      look();
    } catch (error) {
      ports.log(`the guard cannot be looked after: ${messageOf(error)}`);
    }
  }

  /** Without it the look from time to time has to do. */
  function startWatching(): { close(): void } | undefined {
    try {
      return guard.watch(() => {
        if (!stopped) soon ??= setTimeout(run, Math.min(guardLookGapMs, everyMs));
      });
    } catch (error) {
      ports.log(`changes of the guard are not told by the system: ${messageOf(error)}`);
      return undefined;
    }
  }
}
