import type { AgentState, EntryData } from "./state.ts";

/**
 * What the service has to do for a step, in the order of the list; the new state counts once all of it is done.
 * The order within a step is: journal, persist, guard, then tell.
 */
export type Effect =
  | { readonly type: "journal"; readonly kind: string; readonly data: EntryData }
  /** Write the state down, flushed. */
  | { readonly type: "persist" }
  /** Carry protection out. */
  | { readonly type: "arm" }
  | { readonly type: "disarm" }
  /** Tell the cluster now, not at the next turn. */
  | { readonly type: "checkIn" };

/** A state and what led there has to be done. */
export interface Changed {
  readonly state: AgentState;
  readonly effects: readonly Effect[];
}

const rank = { journal: 0, persist: 1, arm: 2, disarm: 2, checkIn: 3 } as const;

/**
 * The effects of a whole step: journal entries in their order, then one persist, then the last word to the guard.
 * Durable before it is in force, in force before it is told.
 */
export function inOrder(effects: readonly Effect[]): Effect[] {
  const lastOf = (types: readonly Effect["type"][]) => effects.findLast((effect) => types.includes(effect.type));
  const kept = effects.filter(
    (effect) =>
      effect.type === "journal" ||
      effect === lastOf(effect.type === "arm" || effect.type === "disarm" ? ["arm", "disarm"] : [effect.type]),
  );
  return kept.sort((a, b) => rank[a.type] - rank[b.type]);
}
