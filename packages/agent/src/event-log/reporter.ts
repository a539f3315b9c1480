import type { JournalKind } from "@postern/protocol";
import type { EntryData } from "../core/state.ts";
import { quotaBurst, quotaRefillMs } from "../limits.ts";
import { messageOf } from "../message-of.ts";
import type { Clock, EventLog } from "../ports.ts";
import { type LogEventName, logEvent } from "./log-events.ts";

/** Tells the system's own log what happens. Nothing of it ever fails or waits. */
export interface EventReporter {
  report(name: LogEventName, data?: EntryData): void;
  /** The same for what is journaled. A kind that nobody gave an event to is not told. */
  journaled(kind: string, data: EntryData): void;
  /** Resolves when all that was reported is written. */
  settled(): Promise<void>;
}

/**
 * Reports to `log`: of each event a burst one by one, then one a minute that says how many more there were. So a loop in
 * a shell can push nothing else out of the log.
 */
export function eventReporter(
  log: EventLog | undefined,
  clock: Pick<Clock, "interruptMs">,
  tellTrouble: (line: string) => void,
): EventReporter {
  const quotas = new Map<LogEventName, { creditMs: number; atMs: number; unwritten: number }>();
  return {
    report,
    journaled(kind, data) {
      for (const name of journalEvents[kind]?.(data) ?? []) report(name, data);
    },
    async settled() {
      await log?.settled();
    },
  };

  function report(name: LogEventName, data: EntryData = {}): void {
    if (!log) return;
    try {
      const unwritten = takePlace(name);
      if (unwritten !== undefined) log.write(logEvent(name, data, unwritten));
    } catch (error) {
      tellTrouble(`the event log cannot be written: ${messageOf(error)}`);
    }
  }

  /** How many had no place since the last that had; undefined when this one has none either. */
  function takePlace(name: LogEventName): number | undefined {
    const atMs = clock.interruptMs();
    const before = quotas.get(name) ?? { creditMs: quotaBurst * quotaRefillMs, atMs, unwritten: 0 };
    const creditMs = Math.min(quotaBurst * quotaRefillMs, before.creditMs + Math.max(0, atMs - before.atMs));
    const hasPlace = creditMs >= quotaRefillMs;
    quotas.set(name, {
      creditMs: hasPlace ? creditMs - quotaRefillMs : creditMs,
      atMs,
      unwritten: hasPlace ? 0 : before.unwritten + 1,
    });
    return hasPlace ? before.unwritten : undefined;
  }
}

type EventsOf = (data: EntryData) => readonly LogEventName[];

/** What is told of each kind of journal entry. */
const journalEvents: Readonly<Record<JournalKind, EventsOf>> & Readonly<Record<string, EventsOf | undefined>> = {
  enrolled: () => ["enrolled"],
  service_started: ({ stateLost, journalLost }) => [
    "service_started",
    ...(stateLost ? (["state_lost"] as const) : []),
    ...(journalLost ? (["journal_lost"] as const) : []),
  ],
  service_stopping: () => ["service_stopping"],
  protection_on: () => ["protection_on"],
  protection_off: () => ["protection_off"],
  redeemed: () => ["redeemed"],
  resumed: () => ["resumed"],
  refused: ({ jti }) => [jti === undefined ? "input_refused" : "token_refused"],
  rearmed: ({ changed }) => ["rearmed", ...(changed === undefined ? [] : (["changed_in_lift"] as const))],
  drift: ({ setBack }) => [setBack === true ? "drift_set_back" : "drift_stays"],
  pipe_taken: () => ["pipe_taken"],
  config_refused: () => ["config_refused"],
  update_started: () => ["update_started"],
  updated: () => ["updated"],
  update_failed: () => ["update_failed"],
  update_refused: () => ["update_refused"],
  service_left_alone: () => ["service_left_alone"],
};
