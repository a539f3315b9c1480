import { ActionIcon, Alert, Button, Group, Menu, Tabs, Text } from "@mantine/core";
import { IconAlertTriangle, IconDotsVertical, IconPower } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { type ComponentType, lazy, Suspense, useState } from "react";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import type { AgentDetail } from "../../api/types.ts";
import { useAction } from "../../api/use-action.ts";
import { ProtectionBadge, StateBadge } from "../../shared/badges.tsx";
import { Confirm } from "../../shared/confirm.tsx";
import { PageHeader } from "../../shared/page-header.tsx";
import { ProblemAlert } from "../../shared/problem-alert.tsx";
import { RelativeTime } from "../../shared/relative-time.tsx";
import { useSearchState } from "../../shared/search-state.ts";
import { ErrorState, LoadingState } from "../../shared/states.tsx";
import { AgentDeeds, type Asked } from "./agent-deeds.tsx";
import { AgentMenu } from "./agent-menu.tsx";
import { OverviewTab } from "./overview-tab.tsx";
import { agentDetailsPage, agentListPage } from "./pages.ts";

export interface AgentTabProps {
  readonly agent: AgentDetail;
}

const TokenTab = lazy(async () => ({ default: (await import("./token-tab.tsx")).TokenTab }));
const ConfigTab = lazy(async () => ({ default: (await import("./config-tab.tsx")).ConfigTab }));
const JournalTab = lazy(async () => ({ default: (await import("./journal-tab.tsx")).JournalTab }));
const LabelsTab = lazy(async () => ({ default: (await import("./labels-tab.tsx")).LabelsTab }));

const tabs: readonly {
  readonly value: string;
  readonly word: string;
  readonly content: ComponentType<AgentTabProps>;
}[] = [
  { value: "overview", word: "Overview", content: OverviewTab },
  { value: "token", word: "Agent Token", content: TokenTab },
  { value: "config", word: "Config", content: ConfigTab },
  { value: "journal", word: "Journal", content: JournalTab },
  { value: "labels", word: "Labels", content: LabelsTab },
];

/** One agent: what is known of it, its token, what is wanted of it, and what it journaled. */
export function AgentDetailsPage() {
  const { agentId = "" } = useParams({ strict: false }) as { agentId?: string };
  const agent = useQuery({
    queryKey: ["agent", agentId],
    queryFn: () => read(api.GET("/api/v1/agents/{id}", { params: { path: { id: agentId } } })),
  });
  const [search, setSearch] = useSearchState();
  const may = useMay();
  const navigate = useNavigate();
  const [asked, setAsked] = useState<Asked>();
  if (agent.data === undefined) {
    return agent.isError ? (
      <ErrorState error={agent.error} retry={() => void agent.refetch()} order={1} />
    ) : (
      <LoadingState />
    );
  }
  const { hostName, protection, state, seenAt, wouldDrop } = agent.data;
  const open = tabs.find(({ value }) => value === search["tab"])?.value ?? "overview";
  return (
    <>
      <PageHeader
        page={agentDetailsPage}
        name={hostName}
        after={
          <Group gap="sm">
            <ProtectionBadge protection={protection} />
            <StateBadge state={state} />
            <Text size="sm" c="dimmed">
              seen <RelativeTime at={seenAt} />
            </Text>
          </Group>
        }
        actions={
          may("agent.manage", agent.data.tenantId) && (
            <Menu>
              <Menu.Target>
                <ActionIcon variant="default" size={34} aria-label={`Menu of ${hostName}`} data-hint="Menu">
                  <IconDotsVertical size={18} aria-hidden />
                </ActionIcon>
              </Menu.Target>
              <Menu.Dropdown>
                <AgentMenu agent={agent.data} inDetails onDeed={(deed) => setAsked({ deed, agent: agent.data })} />
              </Menu.Dropdown>
            </Menu>
          )
        }
      />
      {agent.data.decommission !== null && <Decommissioned agent={agent.data} />}
      {wouldDrop !== null && <WouldDrop agent={agent.data} />}
      <Tabs
        value={open}
        onChange={(value) => setSearch({ tab: value === "overview" || value === null ? undefined : value })}
        keepMounted={false}
      >
        <Tabs.List mb="md" style={{ flexWrap: "nowrap", overflowX: "auto", overflowY: "hidden" }}>
          {tabs.map(({ value, word }) => (
            <Tabs.Tab key={value} value={value}>
              {word}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {tabs.map(({ value, content: Content }) => (
          <Tabs.Panel key={value} value={value}>
            <Suspense fallback={<LoadingState />}>
              <Content agent={agent.data} />
            </Suspense>
          </Tabs.Panel>
        ))}
      </Tabs>
      <AgentDeeds
        asked={asked}
        onClose={() => setAsked(undefined)}
        onDeleted={() => void navigate({ to: agentListPage.path })}
      />
    </>
  );
}

/** That it is on its way out of service, or is; it can be taken back until the agent has carried it out. */
function Decommissioned({ agent: { id, tenantId, decommission } }: AgentTabProps) {
  const may = useMay();
  const takeBack = useAction(() => api.DELETE("/api/v1/agents/{id}/decommission", { params: { path: { id } } }), {
    changes: [["agent"], ["agents"], ["agent-facets"]],
    done: "The agent stays in service.",
  });
  if (decommission === null) return null;
  const { requestedAt, by, appliedAt } = decommission;
  return (
    <Alert
      color={appliedAt === null ? "yellow" : "gray"}
      icon={<IconPower size={18} />}
      title={appliedAt === null ? "This agent is being decommissioned" : "This agent is decommissioned"}
      mb="md"
    >
      {by} decommissioned it <RelativeTime at={requestedAt} />.{" "}
      {appliedAt === null ? (
        "It has not said yet that its protection is off; a silent agent keeps its protection until it comes back."
      ) : (
        <>
          It switched its protection off <RelativeTime at={appliedAt} />, and is heard no more.
        </>
      )}
      {appliedAt === null && may("agent.manage", tenantId) && (
        <div>
          <Button size="xs" variant="default" mt="xs" loading={takeBack.running} onClick={() => void takeBack.run()}>
            Take it back
          </Button>
        </div>
      )}
      <ProblemAlert problem={takeBack.problem} />
    </Alert>
  );
}

/** Changed facts alone never take protection away: a user has to say so. */
function WouldDrop({ agent }: AgentTabProps) {
  const may = useMay();
  const [asking, setAsking] = useState(false);
  const confirm = useAction(
    (profileId: string) =>
      read(api.POST("/api/v1/agents/{id}/confirm-drop", { params: { path: { id: agent.id } }, body: { profileId } })),
    {
      changes: [["agent"], ["agents"], ["agent-facets"]],
      done: "The agent drops its protection.",
      onDone: () => setAsking(false),
    },
  );
  if (agent.wouldDrop === null) return null;
  const { profileId, since } = agent.wouldDrop;
  return (
    <Alert color="yellow" icon={<IconAlertTriangle size={18} />} title="This agent would drop its protection" mb="md">
      Its facts changed <RelativeTime at={since} />, and by them alone it would move to a profile without service
      protection. It keeps its protection until a user confirms: an administrator of the machine may have changed them
      for just that.
      {may("agent.manage", agent.tenantId) && (
        <div>
          <Button size="xs" variant="default" mt="xs" onClick={() => setAsking(true)}>
            Confirm the drop…
          </Button>
        </div>
      )}
      {asking && (
        <Confirm
          title={`Let ${agent.hostName} drop its protection?`}
          verb="Drop protection"
          running={confirm.running}
          problem={confirm.problem}
          onConfirm={() => void confirm.run(profileId)}
          onClose={() => setAsking(false)}
        >
          The agent gets the profile that its facts give it, and switches service protection off with its next check-in.
        </Confirm>
      )}
    </Alert>
  );
}
