import { Text } from "@mantine/core";
import { api } from "../../api/client.ts";
import type { Agent } from "../../api/types.ts";
import { useAction } from "../../api/use-action.ts";
import { Confirm } from "../../shared/confirm.tsx";

/** Deletes the cluster's record of an agent; on the workload nothing changes. */
export function DeleteDialog({
  agent: { id, hostName, protection },
  onClose,
  onDone,
}: {
  readonly agent: Pick<Agent, "id" | "hostName" | "protection">;
  readonly onClose: () => void;
  readonly onDone: () => void;
}) {
  const remove = useAction(() => api.DELETE("/api/v1/agents/{id}", { params: { path: { id } } }), {
    changes: [["agents"], ["agent-facets"]],
    done: `${hostName} was deleted.`,
    onDone,
  });
  return (
    <Confirm
      title={`Delete ${hostName}?`}
      verb={`Delete ${hostName}`}
      dangerous
      typed={hostName}
      running={remove.running}
      problem={remove.problem}
      onConfirm={() => void remove.run()}
      onClose={onClose}
    >
      <Text size="sm">
        The cluster forgets the agent and answers it no more. On the workload nothing changes
        {protection === "on" || protection === "lifted" ? ": its protection stays" : ""}. To switch protection off and
        then end it in order, decommission it instead. A tombstone stays, so that agent tokens can still be made for it.
      </Text>
    </Confirm>
  );
}
