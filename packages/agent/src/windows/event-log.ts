import type { LogEvent } from "../event-log/log-events.ts";
import type { EventLog } from "../ports.ts";
import { kernel32 } from "./kernel32.ts";
import { eventsWaiting } from "./limits.ts";
import { type Handle, koffi, lazy } from "./native.ts";

/** winnt.h: EVENTLOG_… */
const types = { error: 1, warning: 2, information: 4 } as const;

/**
 * The Windows Event Log, under the source of this name in the log "Application".
 *
 * The call waits for another service's process, which an administrator can suspend: so it is made on a thread of Node's
 * pool, one at a time, and what cannot be written meanwhile is dropped.
 */
export function windowsEventLog(source: string): EventLog {
  const waiting: LogEvent[] = [];
  const listeners: (() => void)[] = [];
  let handle: Handle = 0;
  let isWriting = false;

  return {
    write(event) {
      if (waiting.length >= eventsWaiting) return;
      waiting.push(event);
      if (!isWriting) writeNext();
    },
    settled: () =>
      new Promise((resolve) => {
        if (isWriting) listeners.push(resolve);
        else resolve();
      }),
  };

  function writeNext(): void {
    const event = waiting[0];
    if (!event) {
      isWriting = false;
      for (const tell of listeners.splice(0)) tell();
      return;
    }
    isWriting = true;
    endOnExit(() => isWriting);
    if (handle === 0) {
      advapi32().RegisterEventSourceW.async(null, source, (_error, opened) => {
        handle = opened ?? 0;
        // Without a handle there is no log to write to; the next event tries again.
        if (handle === 0) waiting.length = 0;
        writeNext();
      });
      return;
    }
    const strings = [event.text, event.data];
    advapi32().ReportEventW.async(
      handle,
      types[event.severity],
      0,
      event.id,
      null,
      strings.length,
      0,
      strings,
      null,
      () => {
        waiting.shift();
        writeNext();
      },
    );
  }
}

let isWatchingExit = false;

/** Node's orderly end waits for its pool, and so for whom we wait for: with a call under way the process ends without it. */
function endOnExit(isWriting: () => boolean): void {
  if (isWatchingExit) return;
  isWatchingExit = true;
  process.once("exit", (code) => {
    if (isWriting()) kernel32().TerminateProcess(kernel32().GetCurrentProcess(), code);
  });
}

interface AsyncCall<Args extends unknown[]> {
  async(...args: [...Args, (error: unknown, result?: number) => void]): void;
}

const advapi32 = lazy(() => {
  const library = koffi().load("advapi32.dll");
  return {
    RegisterEventSourceW: library.func(
      "intptr_t RegisterEventSourceW(str16 server, str16 source)",
    ) as unknown as AsyncCall<[null, string]>,
    ReportEventW: library.func(
      "int ReportEventW(intptr_t log, uint16_t type, uint16_t category, uint32_t id, void *user, uint16_t count, " +
        "uint32_t bytes, str16 *strings, void *data)",
    ) as unknown as AsyncCall<[Handle, number, number, number, null, number, number, string[], null]>,
  };
});
