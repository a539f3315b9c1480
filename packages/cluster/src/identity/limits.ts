const minute = 60_000;
const day = 24 * 60 * minute;

export const identityLimits = {
  /** Unattended screens: a session ends after this time without a request. */
  sessionIdleMs: 60 * minute,
  /** A session ends after a working day, whatever happens. */
  sessionMaxMs: 12 * 60 * minute,
  /** How exactly a session's last use is kept; more would turn every read into a write. */
  seenStepMs: minute,
  /** For wide tokens: time since the password was given. */
  passwordFreshMs: 15 * minute,
  /** NIST SP 800-63B §5.1.1.2 asks for 8; people who can disarm a fleet can remember more. */
  minPasswordLength: 12,
  /** Long enough for any sentence, short enough that hashing it costs nothing extra. */
  maxPasswordLength: 256,
  /** Argon2id computations at a time, each with 64 MiB. */
  maxHashesAtOnce: 2,
  /** Further log-ins wait for these; beyond it the cluster says that it is busy. */
  maxHashesWaiting: 32,
  /** Failed log-ins before a pair of name and address must wait, and before an address or a name must. */
  failuresPerPair: 10,
  failuresPerAddress: 50,
  failuresPerName: 100,
  failureWindowMs: 15 * minute,
  /** Names and addresses remembered for throttling; the oldest make room. */
  maxThrottleEntries: 10_000,
  /** Role bindings of one user or API key. */
  maxBindings: 100,
  apiKeyDefaultMs: 90 * day,
  apiKeyMaxMs: 366 * day,
} as const;
