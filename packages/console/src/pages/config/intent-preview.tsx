import { Alert, List, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { api, read } from "../../api/client.ts";
import { toProblem } from "../../api/problem.ts";
import { count } from "../../shared/words.ts";
import type { IntentFilter, NamedProfile } from "./use-intents.ts";

export interface PlannedIntent {
  readonly profileId: string;
  readonly filter: IntentFilter;
}

const named = 8;

/** What would become of the agents if the list were this one. */
export function IntentPreview({
  tenantId,
  intents,
  profiles,
}: {
  readonly tenantId: string;
  readonly intents: readonly PlannedIntent[];
  readonly profiles: readonly NamedProfile[];
}) {
  const [settled] = useDebouncedValue(intents, 250);
  const preview = useQuery({
    queryKey: ["intents", "preview", tenantId, settled],
    queryFn: () =>
      read(
        api.POST("/api/v1/intents/preview", {
          body: { tenantId, intents: settled.map(({ profileId, filter }) => ({ profileId, filter })) },
        }),
      ),
    placeholderData: (before) => before,
    retry: false,
  });
  if (preview.data === undefined) {
    return (
      <Text size="sm" c="dimmed" role="status">
        {preview.isError ? toProblem(preview.error).detail : "Looking which agents this would move …"}
      </Text>
    );
  }
  const { moved, gains, loses, held, agents } = preview.data;
  const nameOf = (id: string) => profiles.find((profile) => profile.id === id)?.name ?? id;
  if (moved === 0 && held === 0) {
    return (
      <Text size="sm" c="dimmed" role="status">
        No agent gets another profile by this.
      </Text>
    );
  }
  return (
    <Alert color={loses > 0 ? "red" : "gray"} role="status">
      <Text size="md">
        {count(moved, "agent")} {moved === 1 ? "gets" : "get"} another profile
        {gains > 0 && `; ${gains.toLocaleString("en")} ${gains === 1 ? "gains" : "gain"} protection`}
        {loses > 0 && `; ${loses.toLocaleString("en")} ${loses === 1 ? "loses" : "lose"} protection`}
        {held > 0 && `; ${held.toLocaleString("en")} keep what they have until somebody confirms the drop`}.
      </Text>
      <List size="sm" mt={4}>
        {agents.slice(0, named).map(({ id, hostName, fromProfileId, toProfileId, effect }) => (
          <List.Item key={id}>
            {hostName}: {nameOf(fromProfileId)} → {nameOf(toProfileId)}
            {effect === "loses" && ", loses protection"}
            {effect === "gains" && ", gains protection"}
          </List.Item>
        ))}
        {moved > named && <List.Item>and {(moved - named).toLocaleString("en")} more</List.Item>}
      </List>
    </Alert>
  );
}
