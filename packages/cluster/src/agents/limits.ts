const minute = 60_000;
const day = 24 * 60 * minute;

export const agentLimits = {
  /** Silence past the time an agent was due at before it counts as inactive: a restart or a slow proxy is no absence. */
  graceMs: minute,
  /** Long enough to roll an installation out, short enough that a forgotten key is dead. */
  activationKeyDefaultMs: 7 * day,
  activationKeyMaxMs: 366 * day,
  activationKeyDefaultUses: 1,
  activationKeyMaxUses: 100_000,
  /** Lists sort by the beginning of a text: longer ones fit neither an index nor a cursor. Host names have 255 characters. */
  maxSortTextLength: 255,
  /** Versions are shorter; the beginning of a longer one stands for it in filters and counts. */
  maxVersionLength: 64,
  /** Values of one filter. More of them are no question that a person asks. */
  maxValuesPerFilter: 50,
  /** Agents looked at in the order of the list before the rest is searched as a whole: what most pages need, many times. */
  minAgentsWalked: 1_000,
  /** Tenants whose lists are merged, when somebody sees several of them and not all. */
  maxTenantsMerged: 10,
  /** Profiles of one name whose agents are merged, and names that are gone through, before all agents are looked at. */
  maxProfilesMerged: 10,
  maxProfileNamesWalked: 6,
  /** Looking so many agents up takes less than looking at a hundred thousand. */
  fewAgents: 5_000,
  /** How long it is taken for known whether few agents are silent. */
  silenceKnownMs: 10_000,
  /** Values that a facet names, the most frequent first. */
  maxFacetValues: 100,
  /** How long counts may be old: whoever types a search asks for them with every letter. */
  facetsKeptMs: 1_000,
  /** Answers of facets kept for those that ask the same meanwhile. */
  maxFacetsKept: 100,
  /** Labels sort agents; whoever needs more of them wants a database. */
  maxLabelsPerAgent: 32,
  /** A change of labels by ids: 500 ids fill a third of a body. */
  maxAgentIdsPerRequest: 500,
  /** A change of labels by filter is one transaction, which every other change waits for. */
  maxAgentsPerBulkChange: 10_000,
  /** Agents of one page when all of a tenant are gone through: fewer round trips, and no page blocks the node for long. */
  maxAgentsReadAtOnce: 2_000,
  /** Agents moved in one transaction, which every other change waits for: a tenth of a second or two. */
  maxAgentsMovedAtOnce: 2_000,
  /** In a tenant with more agents, who moves is found out after the edit and not in its transaction. */
  maxAgentsPlannedInEdit: 10_000,
  /** How long whoever changes an intent waits until the last agent has followed. Clients give up after half a minute. */
  followUpAwaitedMs: 10_000,
  /** How often it is looked whether agents have still to follow, since a node died on the way. */
  followUpEveryMs: 15_000,
  /** A follow-up that has not gone on for so long has been given up: one transaction of it has ten seconds. */
  followUpStaleMs: 30_000,
  /** Above this, every check-in of the tenant that is held looks for itself: cheaper than a change for each. */
  maxAgentsToldOneByOne: 100,
  /** Agents that a preview names; it counts them all. */
  maxAgentsNamedInPreview: 50,
  /** Look-alikes that an agent's detail names. */
  maxLookAlikesNamed: 20,
  /** Of one profile in one round of the clean-up; the rest waits for the next. */
  maxSilentAgents: 2_000,
  /** How often the clean-up looks: silence is counted in days. */
  cleanUpEveryMs: 10 * minute,
  /** Between two rounds: above it the cluster was away, and could hear nobody. A restart is no absence. */
  outageMs: 60 * minute,
  /** After an outage: agents try again within minutes, and laptops within a day. */
  comeBackMs: day,
  /** Sightings of one statement; each has five parameters. */
  maxSightingsPerWrite: 500,
} as const;
