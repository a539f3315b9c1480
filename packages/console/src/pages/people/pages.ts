import { IconApi, IconBuilding, IconDevices, IconUsers } from "@tabler/icons-react";
import type { Page } from "../../app/page.ts";

const trail = ["Manage", "Access"];

export const usersPage: Page = {
  path: "/manage/users",
  title: "Users & Roles",
  trail,
  permission: "user.read",
  icon: IconUsers,
  load: async () => (await import("./users-page.tsx")).UsersPage,
};

export const tenantsPage: Page = {
  path: "/manage/tenants",
  title: "Tenants",
  trail,
  permission: "tenant.read",
  icon: IconBuilding,
  load: async () => (await import("./tenants-page.tsx")).TenantsPage,
};

export const apiKeysPage: Page = {
  path: "/manage/api-keys",
  title: "API Keys",
  trail,
  icon: IconApi,
  load: async () => (await import("./api-keys-page.tsx")).ApiKeysPage,
};

export const sessionsPage: Page = {
  path: "/sessions",
  title: "Sessions",
  trail,
  icon: IconDevices,
  load: async () => (await import("./sessions-page.tsx")).SessionsPage,
};

export const peoplePages: readonly Page[] = [usersPage, tenantsPage, apiKeysPage, sessionsPage];
