import { IconAdjustments, IconRoute } from "@tabler/icons-react";
import type { Page } from "../../app/page.ts";

const trail = ["Manage", "Workloads", "Agents"];

export const profilesPage: Page = {
  path: "/manage/workloads/profiles",
  title: "Agent Config Profiles",
  trail,
  permission: "profile.read",
  icon: IconAdjustments,
  load: async () => (await import("./profiles-page.tsx")).ProfilesPage,
};

export const profilePage: Page = {
  path: "/manage/workloads/profiles/$profileId",
  title: "Agent Config Profiles",
  trail,
  permission: "profile.read",
  load: async () => (await import("./profile-page.tsx")).ProfilePage,
};

export const intentsPage: Page = {
  path: "/manage/workloads/intents",
  title: "Agent Config Intents",
  trail,
  permission: "profile.read",
  icon: IconRoute,
  load: async () => (await import("./intents-page.tsx")).IntentsPage,
};

export function profilePath(id: string): string {
  return `${profilesPage.path}/${id}`;
}

export const configPages: readonly Page[] = [profilesPage, profilePage, intentsPage];
