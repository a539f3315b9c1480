import { Button, Group, NativeSelect, Text } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import classes from "./pager.module.css";
import { type List, pageSizes } from "./use-list.ts";

/** Which rows these are, and the way to the others. */
export function Pager<Row>({ list, total }: { readonly list: List<Row>; readonly total: number | undefined }) {
  const { rows, pageNumber, limit, next, previous } = list;
  if (rows.length === 0) return null;
  const first = (pageNumber - 1) * limit + 1;
  const last = first + rows.length - 1;
  const all = next === undefined ? last.toLocaleString("en") : (total?.toLocaleString("en") ?? "more");
  const only = next === undefined && previous === undefined;
  return (
    <Group component="nav" aria-label="Pages of the list" justify="space-between" gap="xs" mt={8} px={4}>
      <Text size="sm" c="dimmed" className="number" aria-live="polite">
        {first.toLocaleString("en")}–{last.toLocaleString("en")} of {all}
      </Text>
      <Group gap={6}>
        {!(only && rows.length <= pageSizes[0]) && (
          <NativeSelect
            size="xs"
            aria-label="Rows on a page"
            className={classes["size"] ?? ""}
            data={pageSizes.map((size) => ({ value: String(size), label: `${size} rows` }))}
            value={String(limit)}
            onChange={(event) => list.setLimit(Number(event.currentTarget.value))}
          />
        )}
        {!only && (
          <>
            <Button
              size="xs"
              variant="default"
              disabled={!previous}
              onClick={previous}
              leftSection={<IconChevronLeft size={14} />}
            >
              Previous
            </Button>
            <Button
              size="xs"
              variant="default"
              disabled={!next}
              onClick={next}
              rightSection={<IconChevronRight size={14} />}
            >
              Next
            </Button>
          </>
        )}
      </Group>
    </Group>
  );
}
