export const httpLimits = {
  /** Requests of the management API are small; a larger body is a mistake or an attack. */
  maxBodyBytes: 64 * 1024,
  /** A check-in carries up to 100 journal entries. */
  maxAgentBodyBytes: 128 * 1024,
  /** Time for a client to deliver its whole request: slow senders must not hold connections. */
  requestTimeoutMs: 30_000,
  /** Idle connections; longer than the 60 s after which proxies give up theirs. */
  keepAliveTimeoutMs: 65_000,
  /** Ids are 36 characters; nothing in a path is longer than a host name. */
  maxPathParameterLength: 253,
  maxPageItems: 500,
  defaultPageItems: 50,
  /** A cursor holds one sort key, which may be a host name of 255 characters of any script, and one id. */
  maxCursorLength: 4_096,
} as const;
