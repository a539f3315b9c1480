import { IconPlugConnected } from "@tabler/icons-react";
import type { Page } from "../../app/page.ts";

export const installPage: Page = {
  path: "/manage/workloads/install",
  title: "Install Agent",
  trail: ["Manage", "Workloads", "Agents"],
  permission: "activation-key.read",
  icon: IconPlugConnected,
  load: async () => (await import("./install-page.tsx")).InstallPage,
};

export const installPages: readonly Page[] = [installPage];
