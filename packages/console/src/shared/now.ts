import { useSyncExternalStore } from "react";

const clocks = new Map<number, Clock>();

interface Clock {
  now: number;
  readonly listeners: Set<() => void>;
  timer: number | undefined;
}

/** The time, which moves on every `everyMs`. All that ask for the same beat share one timer. */
export function useNow(everyMs: number): number {
  const clock = clockOf(everyMs);
  return useSyncExternalStore(
    (listener) => subscribe(clock, everyMs, listener),
    () => clock.now,
  );
}

function clockOf(everyMs: number): Clock {
  const clock = clocks.get(everyMs) ?? { now: Date.now(), listeners: new Set(), timer: undefined };
  clocks.set(everyMs, clock);
  if (clock.listeners.size === 0 && Date.now() - clock.now > everyMs) clock.now = Date.now();
  return clock;
}

function subscribe(clock: Clock, everyMs: number, listener: () => void): () => void {
  clock.listeners.add(listener);
  clock.timer ??= window.setInterval(() => {
    clock.now = Date.now();
    for (const told of clock.listeners) told();
  }, everyMs);
  return () => {
    clock.listeners.delete(listener);
    if (clock.listeners.size > 0) return;
    window.clearInterval(clock.timer);
    clock.timer = undefined;
  };
}
