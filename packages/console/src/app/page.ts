import type { Icon } from "@tabler/icons-react";
import type { ReactNode } from "react";

/** One page of the console. Each area has its own in `pages/AREA/pages.ts`; `app/pages.ts` lists them all. */
export interface Page {
  /** Its address, with `$name` for a parameter: `/manage/workloads/agents/$agentId`. */
  readonly path: string;
  readonly title: string;
  /** Where it stands: the words before the title, such as `["Manage", "Workloads", "Agents"]`. */
  readonly trail: readonly string[];
  /** Without this permission (in some tenant) it is not in the navigation, and says so when it is opened. */
  readonly permission?: string;
  /** In the navigation under the trail; without an icon it is reached from another page only. */
  readonly icon?: Icon;
  /** Shown behind the title in the navigation: how much there is to look at. */
  readonly count?: () => ReactNode;
  /** Loads the component, which thereby gets a file of its own. */
  readonly load: () => Promise<() => ReactNode>;
}
