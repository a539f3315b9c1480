import { Text } from "@mantine/core";
import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { api, read } from "../../api/client.ts";
import type { ApiProblem } from "../../api/problem.ts";
import type { Made } from "../../api/types.ts";
import { Confirm } from "../../shared/confirm.tsx";
import { count } from "../../shared/words.ts";
import type { ProfilePatch } from "./profile-draft.ts";

type Preview = Made<"/api/v1/profiles/{id}/preview">;

/** How many agents would gain or lose protection, when the change switches it at all. */
export function useProtectionChange(profileId: string, { serviceProtection }: ProfilePatch): UseQueryResult<Preview> {
  const on = serviceProtection?.on;
  return useQuery({
    queryKey: ["profile", profileId, "preview", on],
    queryFn: () =>
      read(
        api.POST("/api/v1/profiles/{id}/preview", {
          params: { path: { id: profileId } },
          body: { serviceProtection: { on: on === true } },
        }),
      ),
    enabled: on !== undefined,
  });
}

/** Before protection is switched: whom that hits. Off asks for the password as well, where the log-in is not fresh. */
export function ProtectionChange({
  on,
  preview,
  running,
  problem,
  onConfirm,
  onClose,
}: {
  readonly on: boolean;
  readonly preview: UseQueryResult<Preview>;
  readonly running: boolean;
  readonly problem: ApiProblem | undefined;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}) {
  const agents = preview.data === undefined ? "…" : count(preview.data.agents, "Windows agent");
  return (
    <Confirm
      title={on ? "Switch service protection on?" : "Switch service protection off?"}
      verb={on ? "Switch it on" : "Switch it off"}
      running={running}
      problem={problem}
      onConfirm={onConfirm}
      onClose={onClose}
    >
      <Text size="md">
        {on
          ? `${agents} with this profile will be protected: within about a second those that are connected, the others when they come back.`
          : `${agents} with this profile will lose protection: anybody who administers such a machine can then stop, disable or uninstall the agent.`}
      </Text>
    </Confirm>
  );
}
