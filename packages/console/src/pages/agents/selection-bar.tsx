import { Button, Group, Text } from "@mantine/core";
import { IconPower, IconTags } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import type { Selection } from "../../shared/list/use-selection.ts";
import { count } from "../../shared/words.ts";
import type { AgentQuery } from "./agent-filters.ts";
import classes from "./agents.module.css";

const DecommissionDialog = lazy(async () => ({
  default: (await import("./decommission-dialog.tsx")).DecommissionDialog,
}));
const LabelsDialog = lazy(async () => ({ default: (await import("./labels-dialog.tsx")).LabelsDialog }));

/** What can be done with the chosen agents at once. */
export function SelectionBar({
  selection,
  query,
  total,
}: {
  readonly selection: Selection;
  readonly query: AgentQuery;
  readonly total: number | undefined;
}) {
  // All that the filters name, also those on other pages.
  const [all, setAll] = useState(false);
  const [doing, setDoing] = useState<"labels" | "decommission">();
  if (selection.ids.length === 0) return null;
  const target = all ? ({ filter: query } as const) : ({ agentIds: selection.ids } as const);
  const chosen = all ? (total ?? 0) : selection.ids.length;
  function clear(): void {
    setAll(false);
    selection.clear();
  }
  function done(): void {
    setDoing(undefined);
    clear();
  }
  const Dialog = doing === "labels" ? LabelsDialog : DecommissionDialog;
  return (
    <Group className={classes["selected"] ?? ""} gap="xs" mb="sm" role="region" aria-label="Chosen agents">
      <Text size="sm" fw={600} aria-live="polite">
        {count(chosen, "agent")} chosen
      </Text>
      {total !== undefined && total > selection.ids.length && (
        <Button size="xs" variant="subtle" onClick={() => setAll(!all)}>
          {all
            ? `Only the ${selection.ids.length} ticked ones`
            : `All ${total.toLocaleString("en")} that the filters name`}
        </Button>
      )}
      <Group gap="xs" ml="auto">
        <Button
          size="xs"
          variant="default"
          leftSection={<IconTags size={15} aria-hidden />}
          onClick={() => setDoing("labels")}
        >
          Labels…
        </Button>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconPower size={15} aria-hidden />}
          onClick={() => setDoing("decommission")}
        >
          Decommission…
        </Button>
        <Button size="xs" variant="subtle" onClick={clear}>
          Choose none
        </Button>
      </Group>
      {doing !== undefined && (
        <Suspense fallback={null}>
          <Dialog target={target} onClose={() => setDoing(undefined)} onDone={done} />
        </Suspense>
      )}
    </Group>
  );
}
