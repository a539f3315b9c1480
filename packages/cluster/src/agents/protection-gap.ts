import type { ProtectionState } from "@postern/protocol";
import { desiredRevision, type RevisionSources } from "./desired-revision.ts";
import type { AgentTable, Standing } from "./tables.ts";

/** Why the protection of a Windows agent is not the one that its profile wants. */
export const protectionGaps = [
  "not_reported",
  "config_refused",
  "config_pending",
  "lifted",
  "not_protected",
  "still_protected",
] as const;
export type ProtectionGap = (typeof protectionGaps)[number];

/** Nobody expects anything of these agents any more. */
export const endedStandings: readonly Standing[] = ["replaced", "decommissioned"];

export interface GapSources {
  readonly standing: Standing;
  readonly platform: AgentTable["platform"];
  /** What it reported last; null: nothing yet. */
  readonly protection: ProtectionState | null;
  /** Whether it has applied the config that is wanted of it now. */
  readonly isApplied: boolean;
  readonly hasRefused: boolean;
  /** Whether the config that is wanted of it switches service protection on. */
  readonly isWanted: boolean;
}

/** Where desired and applied protection differ, and why; null: they do not, or there is no protection on its platform. */
export function protectionGapOf(agent: GapSources): ProtectionGap | null {
  const { standing, platform, protection, isApplied, hasRefused, isWanted } = agent;
  if (platform !== "windows" || endedStandings.includes(standing)) return null;
  if (protection === null) return "not_reported";
  if (!isApplied) return hasRefused ? "config_refused" : "config_pending";
  if (!isWanted) return protection === "on" ? "still_protected" : null;
  if (protection === "on") return null;
  return protection === "lifted" ? "lifted" : "not_protected";
}

/** Whether an agent has applied what is wanted of it now. */
export function isConfigApplied(agent: Pick<AgentTable, "applied_rev">, sources: RevisionSources): boolean {
  return desiredRevision(sources, agent.applied_rev).rev === agent.applied_rev;
}
