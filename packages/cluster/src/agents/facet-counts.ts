import type { Clock } from "../clock.ts";
import type { Reach } from "../http/access.ts";
import type { Db } from "../schema.ts";
import { countFacets, type Facets, type ValueCount } from "./facets.ts";
import type { AgentFilter } from "./filters.ts";
import { agentLimits } from "./limits.ts";
import { profilesWithin } from "./matching.ts";

export interface NamedFacets extends Omit<Facets, "profileId"> {
  readonly profileId: (ValueCount<string> & {
    readonly name: string;
    readonly tenant: { readonly id: string; readonly name: string };
  })[];
}

/** The counts of facets, each counted at most once within a second. */
export interface FacetCounts {
  of(filter: AgentFilter, reach: Reach): Promise<NamedFacets>;
}

/**
 * Counting looks at every agent, and many ask for the same: whoever leaves the list open, and whoever comes back to it.
 * What is kept is told only to who has the very same reach.
 */
export function createFacetCounts(reads: Db, clock: Clock): FacetCounts {
  const kept = new Map<string, { readonly at: number; readonly counts: Promise<NamedFacets> }>();

  return {
    of(filter, reach) {
      const now = clock.now();
      const key = JSON.stringify([reach === "everywhere" ? reach : [...reach].sort(), filter]);
      for (const [old, { at }] of kept) {
        const isFresh = now >= at && now - at < agentLimits.facetsKeptMs;
        if (!isFresh || kept.size >= agentLimits.maxFacetsKept) kept.delete(old);
      }
      const known = kept.get(key);
      if (known !== undefined) return known.counts;
      const counts = count(reads, filter, reach, now);
      kept.set(key, { at: now, counts });
      counts.catch(() => kept.delete(key));
      return counts;
    },
  };
}

async function count(reads: Db, filter: AgentFilter, reach: Reach, now: number): Promise<NamedFacets> {
  const profiles = new Map((await profilesWithin(reads, reach)).map((profile) => [profile.id, profile]));
  const protecting = [...profiles.values()].filter(({ isOn }) => isOn).map(({ id }) => id);
  const counts = await countFacets(reads, filter, { reach, now, protecting });
  return {
    ...counts,
    profileId: counts.profileId.flatMap(({ value, count }) => {
      const profile = profiles.get(value);
      // Made in this moment.
      return profile === undefined ? [] : [{ value, count, name: profile.name, tenant: profile.tenant }];
    }),
  };
}
