/** Agents in reach of a token that have the same things to say about it. */
export interface AgentGroup {
  readonly count: number;
  /** They have acknowledged a trust bundle with the token's key. */
  readonly holdKey: boolean;
  /** Their profile accepts only tokens that answer a challenge. */
  readonly requireChallenge: boolean;
}

/** Why agents in reach will not accept a token. Stable: people and programs go by it. */
export const coverageReasons = ["key_not_acknowledged", "challenge_required"] as const;
export type CoverageReason = (typeof coverageReasons)[number];

/** Which agents a token will and will not reach, as far as the cluster knows. */
export interface Coverage {
  /** Windows agents that the token is for. */
  readonly agents: number;
  readonly reached: number;
  readonly notReached: readonly { readonly reason: CoverageReason; readonly count: number }[];
}

/** Adds up the groups. An agent that is not reached for two reasons counts under the first of {@link coverageReasons}. */
export function coverageOf(groups: readonly AgentGroup[], answersChallenge: boolean): Coverage {
  const missed = new Map<CoverageReason, number>();
  let agents = 0;
  let reached = 0;
  for (const group of groups) {
    agents += group.count;
    const reason = missReason(group, answersChallenge);
    if (reason === undefined) reached += group.count;
    else missed.set(reason, (missed.get(reason) ?? 0) + group.count);
  }
  const notReached = coverageReasons.flatMap((reason) => {
    const count = missed.get(reason) ?? 0;
    return count > 0 ? [{ reason, count }] : [];
  });
  return { agents, reached, notReached };
}

function missReason(group: AgentGroup, answersChallenge: boolean): CoverageReason | undefined {
  if (!group.holdKey) return "key_not_acknowledged";
  if (group.requireChallenge && !answersChallenge) return "challenge_required";
  return undefined;
}
