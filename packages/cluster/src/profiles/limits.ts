export const profileLimits = {
  /** Each intent is held against each agent of the tenant when the list changes. */
  maxIntents: 100,
  /** As long as a host name can be reported. */
  maxHostPatternLength: 255,
  maxFilterLabels: 32,
  maxFilterAddresses: 64,
  /** The longest text of an IPv6 range: 45 characters and a prefix length. */
  maxAddressRangeLength: 49,
} as const;
