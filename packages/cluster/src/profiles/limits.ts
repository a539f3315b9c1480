export const profileLimits = {
  /** Each intent is held against each agent of the tenant when the list changes. */
  maxIntents: 100,
  /** As long as a host name can be reported. */
  maxHostPatternLength: 255,
  maxFilterLabels: 32,
  maxFilterAddresses: 64,
  /** The longest text of an IPv6 range: 45 characters and a prefix length. */
  maxAddressRangeLength: 49,
  /** Longest hold of a check-in: with the 10 % by which holds are spread it stays in what the protocol allows. */
  maxHoldMs: 50_000,
  /** Hold and pause together: an agent that came more often would take a node's time from the others. */
  minBetweenMs: 1_000,
  /** Ten years: whoever wants more wants no clean-up. */
  maxCleanUpDays: 3_650,
  /** Settings that a node keeps read; a cluster has fewer profiles than this, and each is some hundred bytes. */
  maxSettingsKeptRead: 1_000,
} as const;
