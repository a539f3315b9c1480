import { ActionIcon, Button, Checkbox, Popover, Stack, Text } from "@mantine/core";
import { IconColumns3 } from "@tabler/icons-react";
import type { Column } from "./column.ts";
import type { ColumnChoice } from "./use-columns.ts";

export function ColumnChooser<Row>({
  columns,
  choice,
}: {
  readonly columns: readonly Column<Row>[];
  readonly choice: ColumnChoice;
}) {
  return (
    <Popover position="bottom-end" shadow="md" trapFocus>
      <Popover.Target>
        <ActionIcon variant="default" size={34} aria-label="Columns" data-hint="Columns">
          <IconColumns3 size={17} aria-hidden />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown p="sm">
        <Stack gap={8}>
          <Text size="xs" c="dimmed" fw={600}>
            Columns
          </Text>
          {columns
            .filter(({ fixed }) => !fixed)
            .map(({ id, header }) => (
              <Checkbox
                key={id}
                size="xs"
                label={header}
                checked={choice.visibility[id] ?? true}
                onChange={(event) => choice.set(id, event.currentTarget.checked)}
              />
            ))}
          <Button size="xs" variant="subtle" onClick={choice.reset}>
            As they were
          </Button>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
