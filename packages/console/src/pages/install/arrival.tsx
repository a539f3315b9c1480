import { Button, Group, Loader, Text } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { agentPath } from "../agents/pages.ts";

const lookEveryMs = 2_000;

/** Waits for an agent to enrol with an activation key, and says which one it was. */
export function Arrival({
  activationKeyId,
  tenantId,
}: {
  readonly activationKeyId: string;
  readonly tenantId: string;
}) {
  const may = useMay();
  const key = useQuery({
    queryKey: ["activation-keys", "arrival", activationKeyId],
    queryFn: async () => {
      const { items } = await read(
        api.GET("/api/v1/activation-keys", { params: { query: { tenantId, limit: 50, sort: "-createdAt" } } }),
      );
      return items.find(({ id }) => id === activationKeyId)?.uses ?? 0;
    },
    refetchInterval: lookEveryMs,
  });
  const uses = key.data ?? 0;
  const newest = useQuery({
    queryKey: ["agents", "newest", tenantId, uses],
    queryFn: async () => {
      const { items } = await read(
        api.GET("/api/v1/agents", { params: { query: { tenantId: [tenantId], sort: "-enrolledAt", limit: 1 } } }),
      );
      return items[0] ?? null;
    },
    enabled: uses > 0 && may("agent.read", tenantId),
  });
  if (uses === 0) {
    return (
      <Group gap="xs" role="status">
        <Loader size={14} />
        <Text size="md" c="dimmed">
          Waiting for the agent …
        </Text>
      </Group>
    );
  }
  return (
    <Group gap="xs" role="status">
      <IconCircleCheck size={18} color="var(--tone-good)" aria-hidden />
      <Text size="md">{newest.data ? `${newest.data.hostName} has enrolled.` : "An agent has enrolled."}</Text>
      {newest.data && (
        <Button component={Link} to={agentPath(newest.data.id)} variant="subtle" size="compact-sm">
          Agent Details
        </Button>
      )}
    </Group>
  );
}
