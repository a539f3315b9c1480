import { Menu } from "@mantine/core";
import { IconInfoCircle, IconKey, IconPower, IconTags, IconTrash } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useMay } from "../../api/session.ts";
import type { Agent } from "../../api/types.ts";
import { agentPath } from "./pages.ts";

export type AgentDeed = "token" | "labels" | "decommission" | "delete";

/** The entries of a row's menu. */
export function AgentMenu({
  agent,
  onDeed,
  inDetails = false,
}: {
  readonly agent: Agent;
  readonly onDeed: (deed: AgentDeed) => void;
  /** On the agent's own page, which has its token and its labels as tabs. */
  readonly inDetails?: boolean;
}) {
  const may = useMay();
  const navigate = useNavigate();
  const mayManage = may("agent.manage", agent.tenantId);
  return (
    <>
      {/* Who may generate for single agents only finds it under Agent Details. */}
      {!inDetails && may.token("tenant", agent.tenantId) && (
        <Menu.Item leftSection={<IconKey size={16} aria-hidden />} onClick={() => onDeed("token")}>
          Agent Token
        </Menu.Item>
      )}
      {!inDetails && (
        <Menu.Item
          leftSection={<IconInfoCircle size={16} aria-hidden />}
          onClick={() => void navigate({ to: agentPath(agent.id) })}
        >
          Agent Details
        </Menu.Item>
      )}
      {mayManage && (
        <>
          {!inDetails && (
            <>
              <Menu.Divider />
              <Menu.Item leftSection={<IconTags size={16} aria-hidden />} onClick={() => onDeed("labels")}>
                Labels…
              </Menu.Item>
            </>
          )}
          <Menu.Item leftSection={<IconPower size={16} aria-hidden />} onClick={() => onDeed("decommission")}>
            Decommission…
          </Menu.Item>
          <Menu.Item leftSection={<IconTrash size={16} aria-hidden />} onClick={() => onDeed("delete")}>
            Delete…
          </Menu.Item>
        </>
      )}
    </>
  );
}
