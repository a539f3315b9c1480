import type { Agent, Session, TokenKind } from "../api/types.ts";

/** How the API's words are said to people. */

export const platformNames: Record<Agent["platform"], string> = {
  windows: "Windows",
  linux: "Linux",
  macos: "macOS",
  aix: "AIX",
  solaris: "Solaris",
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
