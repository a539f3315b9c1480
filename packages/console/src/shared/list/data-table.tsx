import { Skeleton } from "@mantine/core";
import { IconArrowDown, IconArrowsSort, IconArrowUp } from "@tabler/icons-react";
import {
  type ColumnDef,
  columnVisibilityFeature,
  rowSelectionFeature,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import { type ReactNode, useCallback, useEffect, useMemo, useRef } from "react";
import { ErrorState } from "../states.tsx";
import type { Column } from "./column.ts";
import { DataRow } from "./data-row.tsx";
import classes from "./data-table.module.css";
import { Pager } from "./pager.tsx";
import type { ColumnChoice } from "./use-columns.ts";
import type { List } from "./use-list.ts";
import type { Selection } from "./use-selection.ts";

const usualWidth = "9rem";

const features = tableFeatures({ columnVisibilityFeature, rowSelectionFeature });

export interface DataTableProps<Row extends object> {
  /** Of what it is a table, for those who read by ear. */
  readonly label: string;
  readonly list: List<Row>;
  /** How many rows the whole list has, where that is known. */
  readonly total?: number;
  readonly columns: readonly Column<Row>[];
  readonly rowId: (row: Row) => string;
  /** How a row is called: "db-07". */
  readonly rowName: (row: Row) => string;
  readonly choice?: ColumnChoice;
  readonly selection?: Selection;
  /** The entries of a row's menu, as `Menu.Item`s; made when it is opened. */
  readonly rowMenu?: (row: Row) => ReactNode;
  /** In place of the rows when there are none. */
  readonly empty: ReactNode;
}

/** A page of a server-side list as a table. Changes that come live redraw rows in place. */
export function DataTable<Row extends object>({
  label,
  list,
  total,
  columns,
  rowId,
  rowName,
  choice,
  selection,
  rowMenu,
  empty,
}: DataTableProps<Row>) {
  const { query, rows } = list;
  const definitions = useMemo(
    (): ColumnDef<typeof features, Row>[] => columns.map(({ id, header }) => ({ id, header })),
    [columns],
  );
  const table = useTable({
    features,
    columns: definitions,
    data: rows as Row[],
    getRowId: rowId,
    state: {
      columnVisibility: choice?.visibility ?? {},
      rowSelection: Object.fromEntries((selection?.ids ?? []).map((id) => [id, true])),
    },
  });
  const visible = table
    .getVisibleLeafColumns()
    .map(({ id }) => id)
    .join(" ");
  const shown = useMemo(() => columns.filter(({ id }) => visible.split(" ").includes(id)), [columns, visible]);
  // The rows are drawn again when they change, and not because the page around them has made a new function.
  const latestMenu = useRef(rowMenu);
  useEffect(() => {
    latestMenu.current = rowMenu;
  });
  const menu = useCallback((row: Row) => latestMenu.current?.(row), []);

  if (query.isError && query.data === undefined) {
    return <ErrorState error={query.error} retry={() => void query.refetch()} />;
  }
  if (query.isSuccess && rows.length === 0) return empty;

  const ids = rows.map(rowId);
  const chosen = ids.filter((id) => selection?.has(id));
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways has to be reached by keyboard */}
      <section className={classes["frame"]} tabIndex={0} aria-label={label} aria-busy={query.isFetching}>
        <table
          className={classes["table"]}
          data-waiting={query.isPlaceholderData || undefined}
          style={{ minWidth: `calc(${shown.map(({ width }) => width ?? usualWidth).join(" + ")})` }}
        >
          <colgroup>
            {selection && <col style={{ width: 40 }} />}
            {shown.map(({ id, width, grows }) => (
              <col key={id} style={grows ? undefined : { width: width ?? usualWidth }} />
            ))}
            {rowMenu && <col style={{ width: 44 }} />}
          </colgroup>
          <thead>
            <tr>
              {selection && (
                <th className={classes["narrow"]}>
                  <label className={classes["box"]}>
                    <input
                      type="checkbox"
                      aria-label="Select all on this page"
                      checked={chosen.length > 0 && chosen.length === ids.length}
                      ref={(box) => {
                        if (box) box.indeterminate = chosen.length > 0 && chosen.length < ids.length;
                      }}
                      onChange={() => selection.set(ids, chosen.length < ids.length)}
                    />
                  </label>
                </th>
              )}
              {shown.map((column) => (
                <HeaderCell key={column.id} column={column} sort={list.sort} onSort={list.setSort} />
              ))}
              {rowMenu && (
                <th className={classes["menu"]}>
                  <span className={classes["hidden"]}>Menu</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {query.isPending
              ? placeholders(shown.length + (selection ? 1 : 0) + (rowMenu ? 1 : 0))
              : table
                  .getRowModel()
                  .rows.map((row) => (
                    <DataRow
                      key={row.id}
                      row={row.original}
                      id={row.id}
                      name={rowName(row.original)}
                      columns={shown}
                      isChosen={row.getIsSelected()}
                      onChoose={selection?.set}
                      menu={rowMenu && menu}
                    />
                  ))}
          </tbody>
        </table>
      </section>
      <Pager list={list} total={total} />
    </>
  );
}

function HeaderCell<Row>({
  column: { header, sort: name, align },
  sort,
  onSort,
}: {
  readonly column: Column<Row>;
  readonly sort: string;
  readonly onSort: (sort: string) => void;
}) {
  if (name === undefined) {
    return (
      <th scope="col" data-align={align}>
        {header}
      </th>
    );
  }
  const rising = sort === name;
  const falling = sort === `-${name}`;
  const IconOf = rising ? IconArrowUp : falling ? IconArrowDown : IconArrowsSort;
  return (
    <th scope="col" data-align={align} aria-sort={rising ? "ascending" : falling ? "descending" : "none"}>
      <button
        type="button"
        className={classes["sort"]}
        data-sorted={rising || falling || undefined}
        onClick={() => onSort(rising ? `-${name}` : name)}
      >
        {header}
        <IconOf size={13} stroke={2} aria-hidden />
      </button>
    </th>
  );
}

function placeholders(cells: number): ReactNode {
  const numbers = (length: number) => Array.from({ length }, (_, index) => index);
  return numbers(8).map((row) => (
    <tr key={row}>
      {numbers(cells).map((cell) => (
        <td key={cell}>
          <Skeleton height={12} width={cell === 0 ? 16 : `${60 + ((row * 7 + cell * 13) % 35)}%`} />
        </td>
      ))}
    </tr>
  ));
}
