import { useMemo } from "react";
import { useStored } from "../stored.ts";
import type { Column } from "./column.ts";

/** Which columns of a table are shown; this browser remembers it. */
export interface ColumnChoice {
  /** By id; what is missing is shown. */
  readonly visibility: Readonly<Record<string, boolean>>;
  set(id: string, visible: boolean): void;
  /** Only these, and the fixed ones. */
  setAll(ids: readonly string[]): void;
  reset(): void;
}

/**
 * @param name of the table, unique in the console
 * @param shown ids of the columns that are shown at first, beside the fixed ones; without it, as each column says
 */
export function useColumns<Row>(
  name: string,
  columns: readonly Column<Row>[],
  shown?: readonly string[],
): ColumnChoice {
  const [changed, store] = useStored<Record<string, boolean>>(`columns:${name}`, {});
  return useMemo(() => {
    const atFirst = Object.fromEntries(
      columns.map(({ id, fixed, hiddenAtFirst }) => [
        id,
        shown === undefined ? hiddenAtFirst !== true : fixed === true || shown.includes(id),
      ]),
    );
    return {
      visibility: { ...atFirst, ...changed },
      set: (id, visible) => store({ ...changed, [id]: visible }),
      setAll: (ids) =>
        store(Object.fromEntries(columns.map(({ id, fixed }) => [id, fixed === true || ids.includes(id)]))),
      reset: () => store({}),
    };
  }, [columns, shown, changed, store]);
}
