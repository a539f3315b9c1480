import { Menu } from "@mantine/core";
import { IconCopy, IconInfoCircle, IconKey } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useMay } from "../../api/session.ts";
import type { Agent } from "../../api/types.ts";
import { agentPath } from "./pages.ts";

/** The entries of a row's menu. */
export function AgentMenu({ agent, onToken }: { readonly agent: Agent; readonly onToken: () => void }) {
  const may = useMay();
  const navigate = useNavigate();
  return (
    <>
      {/* Who may generate for single agents only finds it under Agent Details. */}
      {may.token("tenant", agent.tenantId) && (
        <Menu.Item leftSection={<IconKey size={16} aria-hidden />} onClick={onToken}>
          Agent Token
        </Menu.Item>
      )}
      <Menu.Item
        leftSection={<IconInfoCircle size={16} aria-hidden />}
        onClick={() => void navigate({ to: agentPath(agent.id) })}
      >
        Agent Details
      </Menu.Item>
      <Menu.Item
        leftSection={<IconCopy size={16} aria-hidden />}
        onClick={() => void navigator.clipboard.writeText(agent.hostName)}
      >
        Copy the host name
      </Menu.Item>
    </>
  );
}
