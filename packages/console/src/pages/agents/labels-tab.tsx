import { Button, Group, Stack, TagsInput, Text } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { useAction } from "../../api/use-action.ts";
import { Label } from "../../shared/badges.tsx";
import { Panel } from "../../shared/facts.tsx";
import { ProblemAlert } from "../../shared/problem-alert.tsx";
import type { AgentTabProps } from "./agent-details-page.tsx";
import { useFacets } from "./use-facets.ts";

/** The agent's labels, by which agent config intents pick it out. */
export function LabelsTab({ agent: { id, labels, tenantId } }: AgentTabProps) {
  const may = useMay();
  const known = useFacets({ tenantId: [tenantId] })?.label.map(({ value }) => value) ?? [];
  const [changed, setChanged] = useState<string[]>();
  const save = useAction(
    (wanted: string[]) =>
      read(api.PATCH("/api/v1/agents/{id}", { params: { path: { id } }, body: { labels: wanted } })),
    {
      changes: [["agent"], ["agents"], ["agent-facets"]],
      done: "The labels were changed.",
      onDone: () => setChanged(undefined),
    },
  );
  if (!may("agent.manage", tenantId)) {
    return (
      <Panel title="Labels">
        {labels.length === 0 ? "None" : labels.map((label) => <Label key={label}>{label}</Label>)}
      </Panel>
    );
  }
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (changed !== undefined) void save.run(changed);
  }
  return (
    <Panel title="Labels">
      <form onSubmit={submit}>
        <Stack gap="sm" maw={560}>
          <TagsInput
            label="Labels of this agent"
            description="Type one and press Enter."
            data={known}
            value={changed ?? [...labels]}
            onChange={setChanged}
          />
          <Text size="sm" c="dimmed">
            Agent config intents go by labels: with others the agent may get another profile, and with it gain or lose
            protection.
          </Text>
          <ProblemAlert problem={save.problem} />
          <Group gap="xs">
            <Button type="submit" disabled={changed === undefined} loading={save.running}>
              Save
            </Button>
            {changed !== undefined && (
              <Button variant="default" onClick={() => setChanged(undefined)}>
                As they were
              </Button>
            )}
          </Group>
        </Stack>
      </form>
    </Panel>
  );
}
