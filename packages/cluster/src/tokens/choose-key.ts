import type { Signer } from "@postern/token";
import type { ClusterKeys } from "../keys/cluster-keys.ts";
import type { AgentGroup } from "./coverage.ts";

/**
 * The token key that most of these agents are known to hold; of keys that reach as many, the newest. For one agent that
 * is the newest key that it holds. When none of them is known to hold any, it is the active key: an agent that has just
 * enrolled has it.
 *
 * Compromised and destroyed keys are not among those to choose from, whatever coverage costs.
 */
export function chooseTokenKey(
  keys: Pick<ClusterKeys, "tokenSigner" | "tokenSigners" | "keyIdsInBundle">,
  groups: readonly AgentGroup[],
): Signer {
  const reachOf = ({ kid }: Signer): number =>
    groups.reduce((sum, group) => sum + (keys.keyIdsInBundle(group.bundleVersion).includes(kid) ? group.count : 0), 0);
  let best = keys.tokenSigner;
  let most = reachOf(best);
  for (const signer of keys.tokenSigners) {
    const reach = reachOf(signer);
    if (reach > most) [best, most] = [signer, reach];
  }
  return best;
}
