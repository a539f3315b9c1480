import { IconKeyframes } from "@tabler/icons-react";
import type { Page } from "../../app/page.ts";

export const keysPage: Page = {
  path: "/keys",
  title: "Keys",
  trail: ["Cluster"],
  permission: "key.read",
  icon: IconKeyframes,
  load: async () => (await import("./keys-page.tsx")).KeysPage,
};

export const keyPages: readonly Page[] = [keysPage];
