import { useSyncExternalStore } from "react";

interface Beat {
  now: number;
  readonly subscribe: (listener: () => void) => () => void;
  readonly read: () => number;
}

const beats = new Map<number, Beat>();

/** By how much the cluster's clock is ahead of this machine's, where that is worth telling. */
let aheadMs = 0;

/** Times of the cluster are compared with the cluster's clock: that of the machine in front of the person may be wrong. */
export function hearClusterTime(date: string | null): void {
  const told = Date.parse(date ?? "");
  if (Number.isNaN(told)) return;
  // The header tells whole seconds, and the answer took a while.
  const ahead = told - Date.now();
  aheadMs = Math.abs(ahead) > 3_000 ? ahead : 0;
}

/** The cluster's time, which moves on every `everyMs`. All that ask for the same beat share one timer. */
export function useNow(everyMs: number): number {
  const beat = beats.get(everyMs) ?? makeBeat(everyMs);
  return useSyncExternalStore(beat.subscribe, beat.read);
}

function makeBeat(everyMs: number): Beat {
  const listeners = new Set<() => void>();
  let timer: number | undefined;
  const beat: Beat = {
    now: Date.now() + aheadMs,
    read: () => beat.now,
    subscribe(listener) {
      listeners.add(listener);
      timer ??= window.setInterval(() => {
        beat.now = Date.now() + aheadMs;
        for (const told of listeners) told();
      }, everyMs);
      // The first in a while: what stands there is old.
      if (listeners.size === 1) beat.now = Date.now() + aheadMs;
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        window.clearInterval(timer);
        timer = undefined;
      };
    },
  };
  beats.set(everyMs, beat);
  return beat;
}
