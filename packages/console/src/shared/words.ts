import type { Agent, Session, TokenKind } from "../api/types.ts";

/** How the API's words are said to people. */

export const platformNames: Record<Agent["platform"], string> = {
  windows: "Windows",
  linux: "Linux",
  macos: "macOS",
  aix: "AIX",
  solaris: "Solaris",
};

export type AgentState = Agent["state"] | "restored" | "replaced" | "decommissioned";

/** How an agent stands, what that means, and its colour. */
export const stateWords: Record<
  AgentState,
  { readonly word: string; readonly tone: "good" | "warn" | "bad" | "mute"; readonly means: string }
> = {
  active: { word: "Active", tone: "good", means: "It checks in as often as it should." },
  inactive: { word: "Inactive", tone: "warn", means: "It has not checked in when it was due." },
  restored: {
    word: "Restored",
    tone: "warn",
    means: "Its record was lost by a restore, and made again from its identity.",
  },
  replaced: { word: "Replaced", tone: "mute", means: "The same machine has enrolled anew, as another agent." },
  decommissioned: { word: "Decommissioned", tone: "mute", means: "A user has taken it out of service." },
};

/** Why desired and applied protection differ. */
export const gapWords: Record<NonNullable<Agent["protectionGap"]>, string> = {
  not_reported: "Has not reported its protection yet",
  config_pending: "Has not applied the wanted config yet",
  config_refused: "Has refused the wanted config",
  not_protected: "Not protected, though its profile wants it",
  still_protected: "Protected, though its profile does not want it",
  lifted: "Protection is lifted for now",
};

export const roleNames: Record<Session["roles"][number]["role"], string> = {
  site_admin: "Site administrator",
  customer_support: "Customer support",
  tenant_owner: "Tenant owner",
  agent_installer: "Agent installer",
  auditor: "Auditor",
};

export const tokenKindNames: Record<TokenKind, string> = {
  cluster: "Token For Cluster",
  tenant: "Token For Tenant",
  agent: "Token For Agent",
};

/** "1 agent", "412 agents": with the thousands apart. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}
