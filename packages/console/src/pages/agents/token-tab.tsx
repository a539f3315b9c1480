import { Code, List, Stack, Text } from "@mantine/core";
import { IconKeyOff, IconLock } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { Panel } from "../../shared/facts.tsx";
import { EmptyState } from "../../shared/states.tsx";
import { platformNames } from "../../shared/words.ts";
import { LiveTokens } from "../tokens/live-tokens.tsx";
import { TokenForm } from "../tokens/token-form.tsx";
import { type MadeToken, TokenMade, toMade } from "../tokens/token-made.tsx";
import type { AgentTabProps } from "./agent-details-page.tsx";

/** The agent's own token: the live one with its expiry, or a form for a new one. */
export function TokenTab({ agent }: AgentTabProps) {
  const may = useMay();
  const { id, hostName, platform, tenantId } = agent;
  const [made, setMade] = useState<MadeToken>();
  // By the records, which show no token: reading the token itself is an event of the audit log.
  const live = useQuery({
    queryKey: ["agent-tokens", "live", "agent", { agentId: id }],
    queryFn: () =>
      read(
        api.GET("/api/v1/agent-tokens", {
          params: { query: { kind: "agent", state: "live", agentId: id, limit: 50 } },
        }),
      ),
    enabled: platform === "windows" && may("agent-token.read", tenantId),
  });
  const [another, setAnother] = useState(false);

  if (platform !== "windows") {
    return (
      <EmptyState icon={IconKeyOff} title={`There is no agent token for ${platformNames[platform]}`}>
        Service protection guards a Windows service against local administrators, and an agent token lifts it. This
        agent reports protection as unsupported: stop or remove it there as any other service.
      </EmptyState>
    );
  }
  if (!may.token("agent", tenantId)) {
    return (
      <EmptyState icon={IconLock} title="Agent tokens are not open to you">
        None of your roles may generate or see agent tokens of this tenant. A site administrator, customer support, or
        an agent installer of the tenant can.
      </EmptyState>
    );
  }
  const [newest] = live.data?.items ?? [];
  const shown = made ?? (newest && !another ? toMade(newest) : undefined);
  return (
    <div style={{ display: "grid", gridTemplateColumns: "repeat(auto-fit, minmax(min(100%, 340px), 1fr))", gap: 16 }}>
      <Panel title={shown ? "Agent Token" : "New agent token"}>
        {shown ? (
          <TokenMade
            key={shown.id}
            made={shown}
            onBack={() => {
              setMade(undefined);
              setAnother(true);
            }}
          />
        ) : (
          <Stack gap="md">
            <TokenForm
              kind="agent"
              agent={{ id, hostName }}
              tenantId={tenantId}
              onMade={(token) => setMade({ ...token, agentId: id, tenantId, forWhom: hostName })}
            />
            <LiveTokens kind="agent" agentId={id} tenantId={tenantId} onView={(token) => setMade(toMade(token))} />
          </Stack>
        )}
      </Panel>
      <HowTo hostName={hostName} />
    </div>
  );
}

function HowTo({ hostName }: { readonly hostName: string }) {
  return (
    <Panel title="How it works">
      <List type="ordered" size="sm" spacing={8}>
        <List.Item>Generate the token, and download it or copy the command.</List.Item>
        <List.Item>
          Carry it to <b>{hostName}</b>, and run the command there in an elevated prompt. No connection is needed.
        </List.Item>
        <List.Item>
          Protection is lifted for the time that its profile gives. It comes back by itself: when the service has
          restarted and reaches the cluster, when the time is over, or with <Code>PosternAgent.exe -protect</Code>.
        </List.Item>
      </List>
      <Text fw={600} size="sm" mt="md" mb={4}>
        When to use a challenge
      </Text>
      <Text size="sm">
        When the agent refuses with <Code>clock_not_trusted</Code>, <Code>expired</Code> or <Code>not_yet_valid</Code>,
        its clock and the cluster's do not agree. Run <Code>PosternAgent.exe -challenge</Code> there, type what it
        prints into the form within 15 minutes, and the token will work by that instead of by the clock. Some profiles
        always demand it.
      </Text>
    </Panel>
  );
}
