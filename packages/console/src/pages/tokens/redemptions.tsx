import { Loader, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { RelativeTime } from "../../shared/relative-time.tsx";
import type { MadeToken } from "./token-made.tsx";
import classes from "./tokens.module.css";

/**
 * Who redeemed a token where, as it comes in. From the journals and not from the token's record: reading that would give
 * out the token again each time, and stand in the audit log as if somebody had.
 */
export function Redemptions({ made: { id, agentId, tenantId } }: { readonly made: MadeToken }) {
  const may = useMay();
  const redeemed = useQuery({
    queryKey: ["journal", "redeemed", id],
    queryFn: () => {
      const query = { kind: "redeemed", limit: 100 };
      return agentId === undefined
        ? read(api.GET("/api/v1/events", { params: { query: { ...query, ...(tenantId && { tenantId }) } } }))
        : read(api.GET("/api/v1/agents/{id}/journal", { params: { path: { id: agentId }, query } }));
    },
    enabled: agentId !== undefined || may("event.read"),
  });
  const mine = (redeemed.data?.items ?? []).filter(({ data }) => data["jti"] === id);
  return (
    <div>
      <Title order={3} mb={4}>
        Redeemed
      </Title>
      {mine.length === 0 ? (
        <Text size="sm" c="dimmed" role="status">
          <Loader size={12} mr={8} aria-hidden style={{ verticalAlign: "-1px" }} />
          Not yet. A machine that is offline reports it when it reaches the cluster again.
        </Text>
      ) : (
        <div role="status">
          {mine.map(({ id: event, agent, at, receivedAt }) => (
            <div key={event} className={classes["token"]}>
              <span className={classes["what"]}>
                <Link className="link" to={`/manage/workloads/agents/${agent.id}`}>
                  {agent.hostName}
                </Link>
              </span>
              <span>
                <RelativeTime at={at} />, reported <RelativeTime at={receivedAt} />
              </span>
            </div>
          ))}
        </div>
      )}
    </div>
  );
}
