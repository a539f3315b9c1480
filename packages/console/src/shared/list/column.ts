import type { ReactNode } from "react";

/** A column of a {@link DataTable}. */
export interface Column<Row> {
  readonly id: string;
  readonly header: string;
  readonly cell: (row: Row) => ReactNode;
  /** The API's name of the sort, where the list can be sorted by this column. */
  readonly sort?: string;
  /** To be switched on in the column chooser. */
  readonly hiddenAtFirst?: true;
  /** Always there: the name by which one knows the row. The first column should be. */
  readonly fixed?: true;
  /** In CSS, `9rem` without it; of a column that grows it is the least. */
  readonly width?: string;
  /** Takes what is left of the table; long texts end in `…`. */
  readonly grows?: true;
  readonly align?: "end";
}
