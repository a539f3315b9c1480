import { Modal, Stack, TagsInput, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, read } from "../../api/client.ts";
import { useAction } from "../../api/use-action.ts";
import { DialogButtons } from "../../shared/dialog-buttons.tsx";
import { fieldErrors, ProblemAlert } from "../../shared/problem-alert.tsx";
import { count } from "../../shared/words.ts";
import { type AgentTarget, targetBody } from "./agent-target.ts";
import { useFacets } from "./use-facets.ts";

/** Adds and removes labels of many agents, and says beforehand how many that changes. */
export function LabelsDialog({
  target,
  onClose,
  onDone,
}: {
  readonly target: AgentTarget;
  readonly onClose: () => void;
  readonly onDone: () => void;
}) {
  const [add, setAdd] = useState<string[]>([]);
  const [remove, setRemove] = useState<string[]>([]);
  const body = { ...targetBody(target), add, remove };
  const known = useFacets({})?.label.map(({ value }) => value) ?? [];
  const [settled] = useDebouncedValue(body, 200);
  const wanted = add.length + remove.length > 0;
  const preview = useQuery({
    queryKey: ["agents", "labels-preview", settled],
    queryFn: () => read(api.POST("/api/v1/agents/labels/preview", { body: settled })),
    enabled: settled.add.length + settled.remove.length > 0,
  });
  const change = useAction(() => read(api.POST("/api/v1/agents/labels", { body })), {
    changes: [["agents"], ["agent"], ["agent-facets"]],
    done: ({ changed }) => `${count(changed, "agent")} changed.`,
    onDone,
  });
  const errorAt = fieldErrors(change.problem);
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (wanted) void change.run();
  }
  return (
    <Modal opened onClose={onClose} title="Labels" closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TagsInput label="Add" data={known} value={add} onChange={setAdd} error={errorAt("/add")} data-autofocus />
          <TagsInput label="Remove" data={known} value={remove} onChange={setRemove} error={errorAt("/remove")} />
          <Text size="sm" c="dimmed" aria-live="polite">
            {wanted && preview.data
              ? `Changes ${count(preview.data.changed, "agent")} of ${preview.data.matched.toLocaleString("en")}. ` +
                "Agent config intents go by labels: agents may get another profile."
              : "Type a label and press Enter."}
          </Text>
          <ProblemAlert problem={change.problem} fields={["/add", "/remove"]} />
          <DialogButtons running={change.running} disabled={!wanted} onClose={onClose}>
            Change labels
          </DialogButtons>
        </Stack>
      </form>
    </Modal>
  );
}
