import type { Facts, Platform } from "@postern/protocol";
import { addressRanges } from "./address-ranges.ts";
import { hostPattern } from "./host-pattern.ts";

/** Which agents an intent is for. Each member that is there must fit; without any, it is for all. */
export interface IntentFilter {
  /** One of these. */
  readonly platforms?: readonly Platform[];
  /** A pattern, see `hostPattern`. */
  readonly hostName?: string;
  /** All of these. */
  readonly labels?: readonly string[];
  /** At least one of the agent's addresses in at least one of these ranges. */
  readonly addresses?: readonly string[];
}

/** What of an agent's facts an intent can go by. */
export type MatchedFacts = Pick<Facts, "platform" | "hostName" | "addresses">;

/** A tenant's intents in their order, made ready to be held against many agents. */
export interface IntentList {
  readonly intents: readonly { readonly profileId: string; readonly fits: Fits }[];
  readonly defaultProfileId: string;
  /** Whether an intent goes by addresses; where none does, they need not be known. */
  readonly asksForAddresses: boolean;
}

type Fits = (facts: MatchedFacts, labels: readonly string[]) => boolean;

/** The profile of an agent: that of the first intent that fits, else `Default`. */
export function resolveProfile(facts: MatchedFacts, labels: readonly string[], list: IntentList): string {
  return list.intents.find(({ fits }) => fits(facts, labels))?.profileId ?? list.defaultProfileId;
}

export function readyIntents(
  intents: readonly { readonly profileId: string; readonly filter: IntentFilter }[],
  defaultProfileId: string,
): IntentList {
  return {
    intents: intents.map(({ profileId, filter }) => ({ profileId, fits: fitsOf(filter) })),
    defaultProfileId,
    asksForAddresses: intents.some(({ filter }) => filter.addresses !== undefined),
  };
}

function fitsOf({ platforms, hostName, labels: wanted, addresses }: IntentFilter): Fits {
  const tests: Fits[] = [];
  if (platforms !== undefined) tests.push(({ platform }) => platforms.includes(platform));
  if (wanted !== undefined) tests.push((_, labels) => wanted.every((label) => labels.includes(label)));
  if (hostName !== undefined) {
    const isNamedSo = hostPattern(hostName);
    tests.push((facts) => isNamedSo(facts.hostName));
  }
  if (addresses !== undefined) {
    const isInside = addressRanges(addresses);
    tests.push((facts) => facts.addresses.some(isInside));
  }
  return (facts, labels) => tests.every((test) => test(facts, labels));
}
