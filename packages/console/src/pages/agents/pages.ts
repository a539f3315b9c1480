import { IconListDetails, IconTrash } from "@tabler/icons-react";
import type { Page } from "../../app/page.ts";

const trail = ["Manage", "Workloads", "Agents"];

export const agentListPage: Page = {
  path: "/manage/workloads/agents",
  title: "Agent List",
  trail,
  permission: "agent.read",
  icon: IconListDetails,
  load: async () => (await import("./agent-list-page.tsx")).AgentListPage,
};

export const agentDetailsPage: Page = {
  path: `${agentListPage.path}/$agentId`,
  title: "Agent Details",
  trail,
  permission: "agent.read",
  load: async () => (await import("./agent-details-page.tsx")).AgentDetailsPage,
};

export const deletedAgentsPage: Page = {
  path: "/manage/workloads/deleted-agents",
  title: "Deleted Agents",
  trail,
  permission: "agent.read",
  icon: IconTrash,
  load: async () => (await import("./deleted-agents-page.tsx")).DeletedAgentsPage,
};

export function agentPath(id: string): string {
  return `${agentListPage.path}/${id}`;
}

export const agentPages: readonly Page[] = [agentListPage, agentDetailsPage];
