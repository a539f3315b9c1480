/** What is known of an agent's profile: the one it has, and the one it would have if facts alone could weaken. */
export interface Placement {
  readonly profileId: string;
  readonly wouldDrop: { readonly profileId: string; readonly since: number } | null;
}

/** What made the cluster look again: facts that the workload reports, or a user's edit. */
export type PlacementCause = "facts" | "edit";

/**
 * Where an agent stands after its profile was resolved anew.
 *
 * Facts come from the workload, whose administrators can make it say anything: a name that falls under an unprotecting
 * intent must not unprotect. So facts alone move no agent from a protecting profile to an unprotecting one; it keeps what
 * it has until a user confirms. An agent that is held so is not let go by a user's edit of something else either: nobody
 * has looked at its new facts yet.
 *
 * @param resolved the profile that facts, labels and intents give
 * @param protects whether a profile protects this agent
 */
export function placementAfter(
  current: Placement,
  resolved: string,
  protects: (profileId: string) => boolean,
  cause: PlacementCause,
  now: number,
): Placement {
  if (resolved === current.profileId) return { profileId: resolved, wouldDrop: null };
  const drops = protects(current.profileId) && !protects(resolved);
  if (drops && (cause === "facts" || current.wouldDrop !== null)) {
    return { profileId: current.profileId, wouldDrop: { profileId: resolved, since: current.wouldDrop?.since ?? now } };
  }
  return { profileId: resolved, wouldDrop: null };
}
