import { Alert, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, read } from "../../api/client.ts";
import { toProblem } from "../../api/problem.ts";
import { useAction } from "../../api/use-action.ts";
import { Confirm } from "../../shared/confirm.tsx";
import { LoadingState } from "../../shared/states.tsx";
import { count } from "../../shared/words.ts";
import { type AgentTarget, targetBody } from "./agent-target.ts";

/** Takes agents out of service, in order: protection goes off first, by a signed config. */
export function DecommissionDialog({
  target,
  name,
  onClose,
  onDone,
}: {
  readonly target: AgentTarget;
  /** Of the one agent, where it is one. */
  readonly name?: string;
  readonly onClose: () => void;
  readonly onDone: () => void;
}) {
  const selection = targetBody(target);
  const preview = useQuery({
    queryKey: ["agents", "decommission-preview", target],
    queryFn: () => read(api.POST("/api/v1/agents/decommission/preview", { body: selection })),
    staleTime: 0,
  });
  const decommission = useAction(
    (matched: number) => read(api.POST("/api/v1/agents/decommission", { body: { ...selection, matched } })),
    {
      changes: [["agents"], ["agent"], ["agent-facets"]],
      done: ({ changed }) => `${count(changed, "agent")} will be decommissioned with the next check-in.`,
      onDone,
    },
  );
  const { data } = preview;
  const whom = name ?? (data ? count(data.changed, "agent") : "these agents");
  return (
    <Confirm
      title={`Decommission ${whom}?`}
      verb={`Decommission ${whom}`}
      running={decommission.running}
      ready={data !== undefined && data.changed > 0}
      // Hitting many is not done by a click that went wrong.
      {...(data && data.changed > 1 && { typed: String(data.changed) })}
      problem={decommission.problem}
      onConfirm={() => data && void decommission.run(data.matched)}
      onClose={onClose}
    >
      {data === undefined && preview.error === null && <LoadingState />}
      {preview.error !== null && <Text size="sm">{toProblem(preview.error).detail}</Text>}
      {data !== undefined && (
        <>
          <Text size="sm">
            {data.changed === 0
              ? "All of them have been decommissioned already."
              : "Each gets a last signed config that switches its protection off for good, and is heard no more after it has applied that. An agent that is silent keeps its protection until it comes back."}
          </Text>
          {data.protected > 0 && (
            <Alert color="yellow" mt="sm" p="xs">
              {data.protected === 1 && data.changed === 1
                ? "It is protected now."
                : `${data.protected.toLocaleString("en")} of them ${data.protected === 1 ? "is" : "are"} protected now.`}
            </Alert>
          )}
          {data.matched > data.changed && data.changed > 0 && (
            <Text size="sm" c="dimmed" mt="xs">
              {count(data.matched - data.changed, "agent")} more {data.matched - data.changed === 1 ? "has" : "have"}{" "}
              been decommissioned already.
            </Text>
          )}
        </>
      )}
    </Confirm>
  );
}
