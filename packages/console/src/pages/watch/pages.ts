import { IconBell, IconBook2 } from "@tabler/icons-react";
import type { Page } from "../../app/page.ts";
import { AlarmCount } from "./alarm-count.tsx";

const trail = ["Watch"];

export const alarmsPage: Page = {
  path: "/watch/alarms",
  title: "Alarms",
  trail,
  permission: "alarm.read",
  icon: IconBell,
  count: AlarmCount,
  load: async () => (await import("./alarms-page.tsx")).AlarmsPage,
};

export const auditPage: Page = {
  path: "/watch/audit",
  title: "Audit Log",
  trail,
  permission: "audit.read",
  icon: IconBook2,
  load: async () => (await import("./audit-page.tsx")).AuditPage,
};

export const watchPages: readonly Page[] = [alarmsPage, auditPage];
