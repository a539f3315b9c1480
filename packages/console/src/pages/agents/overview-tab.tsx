import { Code, Group, SimpleGrid } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { AgentDetail } from "../../api/types.ts";
import { Badge, Label } from "../../shared/badges.tsx";
import { CopyButton } from "../../shared/copy-button.tsx";
import { Fact, Facts, Panel } from "../../shared/facts.tsx";
import { ExactTime, RelativeTime } from "../../shared/relative-time.tsx";
import { duration } from "../../shared/times.ts";
import { gapWords, platformNames } from "../../shared/words.ts";
import type { AgentTabProps } from "./agent-details-page.tsx";
import { layerWord } from "./layers.ts";
import { agentPath } from "./pages.ts";
import { UpdateFact } from "./update-fact.tsx";

/** What the agent reported, and what the cluster wants of it. */
export function OverviewTab({ agent }: AgentTabProps) {
  const { facts, protectionReport: report, config, trustBundle, labels, lookAlikes = [] } = agent;
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="md">
      <Panel title="Workload">
        <Facts>
          <Fact name="Host name">{facts.hostName}</Fact>
          <Fact name="Platform">
            {platformNames[facts.platform]} {facts.osVersion} ({facts.arch})
          </Fact>
          <Fact name="Addresses">{facts.addresses.join(", ")}</Fact>
          <Fact name="Agent version">{facts.agentVersion}</Fact>
          <UpdateFact agent={agent} />
          <Fact name="Machine id">{facts.machineId}</Fact>
          <Fact name="Look-alikes">
            {lookAlikes.length > 0 &&
              lookAlikes.map(({ id, hostName, sameMachine }) => (
                <div key={id}>
                  <Link className="link" to={agentPath(id)}>
                    {hostName}
                  </Link>
                  {sameMachine ? " reports the same machine" : " has the same host name"}
                </div>
              ))}
          </Fact>
        </Facts>
      </Panel>
      <Panel title="Protection">
        {report === null ? (
          "The agent has not reported its protection yet."
        ) : (
          <Facts>
            <Fact name="Since">
              <ExactTime at={report.since} />
            </Fact>
            <Fact name="Budget left">
              {report.budgetLeftSeconds !== null &&
                `${duration(report.budgetLeftSeconds)} until it comes back by itself`}
            </Fact>
            <Fact name="Lifted by token">{report.tokenId !== null && <Code>{report.tokenId}</Code>}</Fact>
            <Fact name="Gap">
              {agent.protectionGap !== null && <Badge tone="warn">{gapWords[agent.protectionGap]}</Badge>}
            </Fact>
            {Object.entries(report.layers).map(([layer, state]) => (
              <Fact key={layer} name={`Layer: ${layerWord(layer)}`}>
                {state}
              </Fact>
            ))}
            {report.otherServices.map(({ name, state }) => (
              <Fact key={name} name={`Service: ${name}`}>
                {layerWord(state)}
              </Fact>
            ))}
          </Facts>
        )}
      </Panel>
      <Panel title="In the cluster">
        <Facts>
          <Fact name="Tenant">{agent.tenant.name}</Fact>
          <Fact name="Profile">{agent.profile.name}</Fact>
          <Fact name="Config">{configWords(config)}</Fact>
          <Fact name="Trust bundle">
            {trustBundle.acknowledged === trustBundle.current
              ? `Version ${trustBundle.current}, the current one`
              : `Version ${trustBundle.acknowledged} of ${trustBundle.current}: it holds older keys`}
          </Fact>
          <Fact name="Labels">
            {labels.length === 0 ? (
              "None"
            ) : (
              <Group gap={4}>
                {labels.map((label) => (
                  <Label key={label}>{label}</Label>
                ))}
              </Group>
            )}
          </Fact>
        </Facts>
      </Panel>
      <Panel title="Contact">
        <Facts>
          <Fact name="Seen">
            <ExactTime at={agent.seenAt} />
          </Fact>
          <Fact name="Due">
            <RelativeTime at={agent.dueAt} />
          </Fact>
          <Fact name="Enrolled">
            <ExactTime at={agent.enrolledAt} />
          </Fact>
          <Fact name="Agent id">
            <Group gap={4} wrap="nowrap">
              <Code>{agent.id}</Code>
              <CopyButton text={agent.id} what="the agent id" />
            </Group>
          </Fact>
          <Fact name="Identity key">
            <Code>{agent.identityThumbprint}</Code>
          </Fact>
        </Facts>
      </Panel>
    </SimpleGrid>
  );
}

function configWords({ desiredRev, appliedRev, refused }: AgentDetail["config"]): string {
  if (desiredRev === appliedRev) return "The wanted config is applied";
  if (refused !== null) return `The wanted config was refused: ${refused.code}`;
  return appliedRev === 0 ? "Nothing is applied yet" : "An older config is applied";
}
