import type { PinnedRoots } from "@postern/protocol";
import type { TrustAnchor } from "./trust-anchor.ts";

/** The roots that were pinned at enrolment. */
export function anchoredPins({ pinnedRoots, rootsVersion = 0 }: TrustAnchor): PinnedRoots {
  return { version: rootsVersion, thumbprints: new Set(pinnedRoots) };
}
