import { agentPages, deletedAgentsPage } from "../pages/agents/pages.ts";
import { configPages } from "../pages/config/pages.ts";
import { installPages } from "../pages/install/pages.ts";
import { keyPages } from "../pages/keys/pages.ts";
import { packagePages } from "../pages/packages/pages.ts";
import { peoplePages } from "../pages/people/pages.ts";
import { watchPages } from "../pages/watch/pages.ts";
import type { Page } from "./page.ts";

/** Every page, in the order of the navigation. */
export const pages: readonly Page[] = [
  ...agentPages,
  ...configPages,
  ...installPages,
  ...packagePages,
  deletedAgentsPage,
  ...peoplePages,
  ...watchPages,
  ...keyPages,
];

/** Where somebody lands who opens the console. */
export const homePath = "/manage/workloads/agents";
