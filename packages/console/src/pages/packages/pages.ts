import { IconPackage } from "@tabler/icons-react";
import type { Page } from "../../app/page.ts";

export const packagesPage: Page = {
  path: "/manage/workloads/packages",
  title: "Packages",
  trail: ["Manage", "Workloads", "Agents"],
  permission: "package.read",
  icon: IconPackage,
  load: async () => (await import("./packages-page.tsx")).PackagesPage,
};

export const packagePages: readonly Page[] = [packagesPage];
