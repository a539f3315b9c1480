import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { type FormEvent, type ReactNode, useState } from "react";
import type { ApiProblem } from "../api/problem.ts";
import { ProblemAlert } from "./problem-alert.tsx";

/**
 * Asks before something that cannot be taken back, or hits many. `children` say what will happen, to how many, and what
 * stays. With `typed`, that word has to be typed first.
 */
export function Confirm({
  title,
  verb,
  dangerous = false,
  typed,
  ready: given = true,
  running,
  problem,
  onConfirm,
  onClose,
  children,
}: {
  readonly title: string;
  /** What the button does: "Decommission 12 agents". */
  readonly verb: string;
  readonly dangerous?: boolean;
  readonly typed?: string;
  /** False while it is not known yet what would happen. */
  readonly ready?: boolean;
  readonly running: boolean;
  readonly problem?: ApiProblem | undefined;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  const [word, setWord] = useState("");
  const ready = given && (typed === undefined || word.trim() === typed);
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (ready) onConfirm();
  }
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <div>{children}</div>
          {typed !== undefined && (
            <TextInput
              label={`Type ${typed} to go on`}
              value={word}
              onChange={(event) => setWord(event.currentTarget.value)}
              autoComplete="off"
              data-autofocus
            />
          )}
          <ProblemAlert problem={problem} />
          <Group justify="flex-end" gap="xs" mt={4}>
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={running} disabled={!ready} {...(dangerous && { color: "red.8" })}>
              {verb}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
