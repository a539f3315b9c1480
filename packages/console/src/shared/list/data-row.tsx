import { Menu } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import { memo, type ReactNode, useState } from "react";
import type { Column } from "./column.ts";
import classes from "./data-table.module.css";

export interface DataRowProps<Row> {
  readonly row: Row;
  readonly id: string;
  readonly name: string;
  /** The shown ones, in their order. */
  readonly columns: readonly Column<Row>[];
  readonly isChosen: boolean;
  /** Undefined where rows cannot be chosen. */
  readonly onChoose: ((ids: readonly string[], chosen: boolean) => void) | undefined;
  readonly menu: ((row: Row) => ReactNode) | undefined;
}

/**
 * One row. Drawn again only when something of it has changed: answers of the cluster keep the objects of rows that are as
 * they were. Plain elements, since there are up to two hundred of each.
 */
export const DataRow = memo(PlainDataRow) as typeof PlainDataRow;

function PlainDataRow<Row>({ row, id, name, columns, isChosen, onChoose, menu }: DataRowProps<Row>) {
  return (
    <tr data-chosen={isChosen || undefined}>
      {onChoose && (
        <td className={classes["narrow"]}>
          <label className={classes["box"]}>
            <input
              type="checkbox"
              aria-label={`Select ${name}`}
              checked={isChosen}
              onChange={(event) => onChoose([id], event.currentTarget.checked)}
            />
          </label>
        </td>
      )}
      {columns.map((column) => (
        <td key={column.id} data-align={column.align} data-column={column.id}>
          {column.cell(row)}
        </td>
      ))}
      {menu && (
        <td className={classes["menu"]}>
          <RowMenu name={name} entries={() => menu(row)} />
        </td>
      )}
    </tr>
  );
}

/** A menu that exists from the first time it is wanted. */
function RowMenu({ name, entries }: { readonly name: string; readonly entries: () => ReactNode }) {
  const [opened, setOpened] = useState<boolean>();
  const button = (
    <button
      type="button"
      className={classes["dots"]}
      aria-label={`Menu of ${name}`}
      aria-haspopup="menu"
      onClick={opened === undefined ? () => setOpened(true) : undefined}
    >
      <IconDots size={17} aria-hidden />
    </button>
  );
  if (opened === undefined) return button;
  return (
    <Menu opened={opened} onChange={setOpened}>
      <Menu.Target>{button}</Menu.Target>
      <Menu.Dropdown>{opened && entries()}</Menu.Dropdown>
    </Menu>
  );
}
