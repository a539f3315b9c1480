import { useEffect } from "react";
import { externalValue, useExternalValue } from "../shared/external-value.ts";

/** How often the search was asked for. The palette is loaded at the first time, and opens at each. */
export const searchAsked = externalValue(0);

export function openSearch(): void {
  searchAsked.set(searchAsked.get() + 1);
}

/** Ctrl-K (or ⌘K) opens the search. True once it was asked for. */
export function useSearchShortcut(): boolean {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      openSearch();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  return useExternalValue(searchAsked) > 0;
}
