import type { LogEvent } from "./log-events.ts";
import { eventReporter } from "./reporter.ts";

/** An event log that can be read again, and a clock for its bounds. */
export function memoryLog() {
  const events: LogEvent[] = [];
  const clock = { nowMs: 0, interruptMs: () => clock.nowMs };
  const log = { write: (event: LogEvent) => void events.push(event), settled: async () => {} };
  return {
    clock,
    events,
    ids: () => events.map(({ id }) => id),
    reporter: eventReporter(log, clock, () => {}),
  };
}
