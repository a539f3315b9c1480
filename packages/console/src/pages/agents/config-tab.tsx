import { Code } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { Badge } from "../../shared/badges.tsx";
import { Fact, Facts, Panel } from "../../shared/facts.tsx";
import { ExactTime } from "../../shared/relative-time.tsx";
import { ErrorState, LoadingState } from "../../shared/states.tsx";
import type { AgentTabProps } from "./agent-details-page.tsx";
import { PendingDifference } from "./pending-difference.tsx";
import { SettingsTable } from "./settings-table.tsx";

/** What is wanted of the agent, and whether it has applied it. */
export function ConfigTab({ agent }: AgentTabProps) {
  const may = useMay();
  const { id, config: revisions, profile, tenantId } = agent;
  const config = useQuery({
    queryKey: ["agent", id, "config"],
    queryFn: () => read(api.GET("/api/v1/agents/{id}/config", { params: { path: { id } } })),
  });
  if (config.data === undefined) {
    return config.isError ? <ErrorState error={config.error} retry={() => void config.refetch()} /> : <LoadingState />;
  }
  const { refused, appliedRev, desiredRev } = revisions;
  return (
    <div style={{ display: "grid", gap: 16 }}>
      <Panel title="Desired against applied">
        <Facts>
          <Fact name="Now">
            {config.data.applied ? (
              <Badge tone="good">The agent has applied what is wanted</Badge>
            ) : refused !== null ? (
              <Badge tone="bad">The agent refused what is wanted</Badge>
            ) : (
              <Badge tone="warn">The agent has not applied what is wanted yet</Badge>
            )}
          </Fact>
          <Fact name="Profile">{profile.name}</Fact>
          <Fact name="Desired">
            <Revision rev={desiredRev} />
          </Fact>
          <Fact name="Applied">{appliedRev === 0 ? "Nothing yet" : <Revision rev={appliedRev} />}</Fact>
          <Fact name="Refused">{refused !== null && <Code>{refused.code}</Code>}</Fact>
        </Facts>
      </Panel>
      {!config.data.applied && appliedRev > 0 && may("profile.read", tenantId) && (
        <PendingDifference profileId={profile.id} appliedRev={appliedRev} desired={config.data.config} />
      )}
      <Panel title="Desired config">
        <SettingsTable settings={config.data.config} />
      </Panel>
    </div>
  );
}

/** A revision is a time, unless a restored backup has pushed it on. */
function Revision({ rev }: { readonly rev: number }) {
  return (
    <>
      Revision <Code>{rev}</Code> of <ExactTime at={new Date(rev).toISOString()} />
    </>
  );
}
