import { driftQuietMs } from "../limits.ts";
import type { Drift } from "../ports.ts";
import type { Changed, Effect } from "./effects.ts";
import type { AgentState, DriftSeen, EntryData } from "./state.ts";

/**
 * Journals layers that were found changed. Of the same layer one entry an hour: a group policy may write it again and
 * again. The next entry says how many there were between (`unrecorded`), so nothing passes unnoticed.
 */
export function recordDrifts(state: AgentState, drifts: readonly Drift[], journalFull: boolean): Changed {
  let next = state;
  const effects: Effect[] = [];
  for (const drift of drifts) {
    const recorded = recordDrift(next, drift, journalFull);
    next = recorded.state;
    effects.push(...recorded.effects);
  }
  return { state: next, effects };
}

/** Lets the hours end: journals what was only counted in them. */
export function settleDrifts(state: AgentState, journalFull: boolean): Changed {
  let next = state;
  const effects: Effect[] = [];
  for (const [key, seen] of Object.entries(state.driftsSeen)) {
    if (isQuiet(state, seen)) continue;
    if (seen.unrecorded === 0) {
      next = without(next, key);
    } else if (!journalFull) {
      next = withSeen(next, key, { atMs: state.time.interruptMs, unrecorded: 0, last: seen.last });
      // The entry is itself one of those counted.
      effects.push(entryOf(seen.last, seen.unrecorded - 1), { type: "checkIn" });
    }
  }
  return { state: next, effects };
}

function recordDrift(state: AgentState, last: Drift, journalFull: boolean): Changed {
  const key = keyOf(last);
  const seen = state.driftsSeen[key];
  const unrecorded = seen?.unrecorded ?? 0;
  if (journalFull || (seen && isQuiet(state, seen))) {
    // One that no entry tells of yet has no hour to wait for, only room in the journal.
    const atMs = seen?.atMs ?? state.time.interruptMs - driftQuietMs;
    return { state: withSeen(state, key, { atMs, unrecorded: unrecorded + 1, last }), effects: [] };
  }
  return {
    state: withSeen(state, key, { atMs: state.time.interruptMs, unrecorded: 0, last }),
    effects: [entryOf(last, unrecorded), { type: "checkIn" }],
  };
}

/** Of the services in a layer each has its own hour. */
function keyOf({ layer, service }: Drift): string {
  return service === undefined ? layer : `${layer} ${service}`;
}

function entryOf({ layer, service, found, setBack }: Drift, unrecorded: number): Effect {
  const named = service === undefined ? { layer } : { layer, service: service.slice(0, maxServiceChars) };
  const data: EntryData = { ...named, found: found.slice(0, maxFoundChars).replace(/[^ -~]/g, "?"), setBack };
  return { type: "journal", kind: "drift", data: unrecorded > 0 ? { ...data, unrecorded } : data };
}

/** With the other members it fits an entry, in plain characters: whoever changed it may have chosen the words. */
const maxFoundChars = 100;
const maxServiceChars = 80;

function isQuiet(state: AgentState, seen: DriftSeen): boolean {
  return state.time.interruptMs - seen.atMs < driftQuietMs;
}

function withSeen(state: AgentState, key: string, seen: DriftSeen): AgentState {
  return { ...state, driftsSeen: { ...state.driftsSeen, [key]: seen } };
}

function without(state: AgentState, key: string): AgentState {
  const { [key]: _, ...driftsSeen } = state.driftsSeen;
  return { ...state, driftsSeen };
}
