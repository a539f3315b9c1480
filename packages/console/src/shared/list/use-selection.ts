import { useCallback, useMemo, useState } from "react";

/** Rows that were chosen; they stay chosen on other pages of the list. */
export interface Selection {
  readonly ids: readonly string[];
  has(id: string): boolean;
  set(ids: readonly string[], chosen: boolean): void;
  clear(): void;
}

export function useSelection(): Selection {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const set = useCallback((ids: readonly string[], on: boolean) => {
    setChosen((before) => {
      const after = new Set(before);
      for (const id of ids) {
        if (on) after.add(id);
        else after.delete(id);
      }
      return after;
    });
  }, []);
  const clear = useCallback(() => setChosen(new Set()), []);
  return useMemo(() => ({ ids: [...chosen], has: (id) => chosen.has(id), set, clear }), [chosen, set, clear]);
}
