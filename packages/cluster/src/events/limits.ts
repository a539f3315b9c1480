const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

export const streamLimits = {
  /** What happens within this time goes out at once: quicker than anybody sees, and one write for a burst. */
  gatherMs: 200,
  /** Of one kind in one tenant within {@link gatherMs}; beyond it one event says to look at all of them. */
  maxOneByOne: 50,
  /** Proxies cut connections that are silent for 60 s. */
  heartbeatMs: 15 * second,
  /** How soon a stream ends after its session, and follows a change of roles. */
  checkMs: 5 * second,
  /** How often it is looked who has fallen silent or come back; the time until then is a minute and more. */
  presenceMs: 10 * second,
  /** What a client has not taken yet. More, and it is cut: it would only see old news. */
  maxWaitingBytes: 256 * 1024,
  /** Kept for clients that come back after a lost connection: some minutes on a busy day. */
  rememberedEvents: 1_024,
  /** Each is a connection, and a share of every event. */
  maxStreams: 1_000,
  /** A person with some tabs and some programs. */
  maxStreamsPerUser: 20,
  /** After which browsers come again. */
  retryMs: 3 * second,
} as const;

export const alarmLimits = {
  /** Whoever mistypes does so once or twice, and a token that was cut off in an editor fails three times; five are no accident. */
  refusalsInARow: 5,
  /** Within which the refusals must lie: longer than fetching a second token takes, shorter than two days' separate mishaps. */
  refusalWindowMs: 10 * minute,
  /** Entries before a delivery that are looked at for refusals: the agent itself journals at most 20 at once, then one a minute. */
  maxEntriesLookedBack: 50,
  /** A group policy writes its settings again and again; a new alarm for each of the same would be one nobody reads. */
  sameDriftQuietMs: hour,
  /** How soon silence, an overdue lift and their ends are seen. */
  watchEveryMs: 15 * second,
  /** No round for this long: the cluster itself was away, and silence says nothing of the agents. */
  outageMs: 45 * second,
  /** What agents get to come back after an outage: their pauses grow to 60 s, and a busy cluster sends them away for longer. */
  comeBackMs: 5 * minute,
  /** New alarms of one kind in one round: a network that is cut silences everybody at once, and a round must end. */
  maxRaisedPerRound: 5_000,
  /** Above this, live views are told to look at the tenant's alarms as a whole. */
  maxToldOneByOne: 20,
  minCommentChars: 3,
  /** As much as a reason for a token. */
  maxCommentChars: 500,
  /** Alarms that are over are kept as long as most rules for such records ask, a year, and a month to look at them. */
  keepMs: 400 * day,
  /** Old alarms removed in one round. */
  maxRemovedPerRound: 500,
} as const;
