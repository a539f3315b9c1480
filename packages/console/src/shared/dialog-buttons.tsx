import { Button, Group } from "@mantine/core";
import type { ReactNode } from "react";

/** The end of a dialog's form: the way back, and what submits it. */
export function DialogButtons({
  running,
  disabled,
  onClose,
  children,
}: {
  readonly running: boolean;
  readonly disabled: boolean;
  readonly onClose: () => void;
  /** What the button does: "Create". */
  readonly children: ReactNode;
}) {
  return (
    <Group justify="flex-end" gap="xs">
      <Button variant="default" onClick={onClose}>
        Cancel
      </Button>
      <Button type="submit" loading={running} disabled={disabled}>
        {children}
      </Button>
    </Group>
  );
}
