import type { Guard, LayerReport } from "./ports.ts";

/** Room for it in a journal entry, beside the entry's other members. */
const maxChars = 160;

/** Gathers what is changed of the guard while protection is lifted, until it comes back. */
export interface ChangesInLift {
  /** Looks now: a service that starts during a lift is about to undo some of it. */
  look(): void;
  /**
   * What there is when protection comes back, and what there was at the looks before, in plain words: `serviceConfig
   * (startType), cleanRegistry (…)`. Undefined when nothing was changed. `layers` is what the lift reported of them.
   */
  settle(layers: LayerReport): string | undefined;
}

export function changesInLift(guard: Pick<Guard, "changedInLift">): ChangesInLift {
  const found = new Map<string, string>();
  return {
    look,
    settle(layers) {
      look();
      // Of a layer that this platform does not have nothing can be told.
      const told = [...found].filter(([layer]) => (layers[layer] ?? "off") === "off");
      found.clear();
      if (told.length === 0) return undefined;
      const words = told.map(([layer, what]) => `${layer} (${what})`).join(", ");
      // Whoever changed it may have chosen the words.
      return words.replace(/[^ -~]/g, "?").slice(0, maxChars);
    },
  };

  function look(): void {
    try {
      for (const { layer, found: what } of guard.changedInLift?.() ?? []) found.set(layer, what);
    } catch {
      // It is not known then; protection comes back all the same.
    }
  }
}
