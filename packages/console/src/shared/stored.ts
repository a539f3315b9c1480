import { useCallback, useState } from "react";

/** A choice that this browser remembers, such as the columns of a table. What cannot be read counts as not chosen. */
export function useStored<Value>(name: string, initial: Value): readonly [Value, (value: Value) => void] {
  const key = `postern:${name}`;
  const [value, setValue] = useState<Value>(() => read(key) ?? initial);
  const store = useCallback(
    (next: Value) => {
      setValue(next);
      try {
        localStorage.setItem(key, JSON.stringify(next));
      } catch {
        // Full, or forbidden: it holds for this visit.
      }
    },
    [key],
  );
  return [value, store];
}

function read<Value>(key: string): Value | undefined {
  try {
    const text = localStorage.getItem(key);
    return text === null ? undefined : (JSON.parse(text) as Value);
  } catch {
    return undefined;
  }
}
