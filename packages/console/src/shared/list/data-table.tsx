import { ActionIcon, Checkbox, Menu, Skeleton } from "@mantine/core";
import { IconArrowDown, IconArrowsSort, IconArrowUp, IconDots } from "@tabler/icons-react";
import {
  type ColumnDef,
  columnVisibilityFeature,
  rowSelectionFeature,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import { type ReactNode, useMemo, useState } from "react";
import { ErrorState } from "../states.tsx";
import type { Column } from "./column.ts";
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
    (): ColumnDef<typeof features, Row>[] =>
      columns.map((column) => ({ id: column.id, header: column.header, cell: ({ row }) => column.cell(row.original) })),
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
  const shown = columns.filter(({ id }) => table.getColumn(id)?.getIsVisible() ?? true);

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
                  <Checkbox
                    size="xs"
                    aria-label="Select all on this page"
                    checked={chosen.length > 0 && chosen.length === ids.length}
                    indeterminate={chosen.length > 0 && chosen.length < ids.length}
                    onChange={() => selection.set(ids, chosen.length < ids.length)}
                  />
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
              : table.getRowModel().rows.map((row) => (
                  <tr key={row.id} data-chosen={row.getIsSelected() || undefined}>
                    {selection && (
                      <td className={classes["narrow"]}>
                        <Checkbox
                          size="xs"
                          aria-label={`Select ${rowName(row.original)}`}
                          checked={row.getIsSelected()}
                          onChange={(event) => selection.set([row.id], event.currentTarget.checked)}
                        />
                      </td>
                    )}
                    {row.getVisibleCells().map((cell) => (
                      <td
                        key={cell.id}
                        data-align={columns.find(({ id }) => id === cell.column.id)?.align}
                        data-column={cell.column.id}
                      >
                        <table.FlexRender cell={cell} />
                      </td>
                    ))}
                    {rowMenu && (
                      <td className={classes["menu"]}>
                        <RowMenu name={rowName(row.original)} entries={() => rowMenu(row.original)} />
                      </td>
                    )}
                  </tr>
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

/** A menu that exists from the first time it is wanted: two hundred of them would make the page slow. */
function RowMenu({ name, entries }: { readonly name: string; readonly entries: () => ReactNode }) {
  const [opened, setOpened] = useState<boolean>();
  const button = (
    <ActionIcon
      variant="subtle"
      color="gray"
      size={28}
      aria-label={`Menu of ${name}`}
      onClick={opened === undefined ? () => setOpened(true) : undefined}
      aria-haspopup="menu"
    >
      <IconDots size={17} aria-hidden />
    </ActionIcon>
  );
  if (opened === undefined) return button;
  return (
    <Menu opened={opened} onChange={setOpened}>
      <Menu.Target>{button}</Menu.Target>
      <Menu.Dropdown>{opened && entries()}</Menu.Dropdown>
    </Menu>
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
