import type { ClusterKeys } from "../keys/cluster-keys.ts";

/** Agents in reach of a token that have the same things to say about it. */
export interface AgentGroup {
  readonly count: number;
  /** The trust bundle that they have acknowledged. */
  readonly bundleVersion: number;
  /** Their profile accepts only tokens that answer a challenge. */
  readonly requireChallenge: boolean;
  /** It was deleted here: what it holds and demands is what was known of it then. */
  readonly deleted?: true;
}

/**
 * Why agents in reach will not accept a token. Stable: people and programs go by it.
 *
 * `key_withdrawn`: no token reaches them until they have been connected. `other_key_held`: a token for each of them
 * alone will. `key_not_acknowledged`: they have acknowledged no trust bundle that the cluster knows of, so nobody can say.
 */
export const coverageReasons = [
  "key_not_acknowledged",
  "key_withdrawn",
  "other_key_held",
  "challenge_required",
] as const;
export type CoverageReason = (typeof coverageReasons)[number];

/** Which agents a token will and will not reach, as far as the cluster knows. */
export interface Coverage {
  /** Windows agents that the token is for. */
  readonly agents: number;
  readonly reached: number;
  /** There when the one agent that the token is for was deleted here: it may run on, and nobody hears of it. */
  readonly deleted?: true;
  readonly notReached: readonly { readonly reason: CoverageReason; readonly count: number }[];
}

/** What decides whether an agent accepts a token. */
export interface TokenTraits {
  readonly kid: string;
  readonly answersChallenge: boolean;
}

/** Which key signed what, and what agents hold. */
export type HeldKeys = Pick<ClusterKeys, "keyIdsInBundle" | "tokenSignerOf">;

/** Adds up the groups. An agent that is not reached for two reasons counts under the first of {@link coverageReasons}. */
export function coverageOf(groups: readonly AgentGroup[], token: TokenTraits, keys: HeldKeys): Coverage {
  const missed = new Map<CoverageReason, number>();
  let agents = 0;
  let reached = 0;
  for (const group of groups) {
    agents += group.count;
    const reason = missReason(group, token, keys);
    if (reason === undefined) reached += group.count;
    else missed.set(reason, (missed.get(reason) ?? 0) + group.count);
  }
  const notReached = coverageReasons.flatMap((reason) => {
    const count = missed.get(reason) ?? 0;
    return count > 0 ? [{ reason, count }] : [];
  });
  const deleted = groups.some((group) => group.deleted);
  return { agents, reached, notReached, ...(deleted && { deleted }) };
}

function missReason(
  { bundleVersion, requireChallenge }: AgentGroup,
  { kid, answersChallenge }: TokenTraits,
  keys: HeldKeys,
): CoverageReason | undefined {
  const held = keys.keyIdsInBundle(bundleVersion);
  if (held.length === 0) return "key_not_acknowledged";
  if (!held.some((one) => keys.tokenSignerOf(one) !== null)) return "key_withdrawn";
  if (!held.includes(kid)) return "other_key_held";
  if (requireChallenge && !answersChallenge) return "challenge_required";
  return undefined;
}
