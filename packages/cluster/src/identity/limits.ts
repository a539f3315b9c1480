const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

export const identityLimits = {
  /** Unattended screens: a session ends after this time without a request. */
  sessionIdleMs: 60 * minute,
  /** A session ends after a working day, whatever happens. */
  sessionMaxMs: 12 * 60 * minute,
  /** How exactly a session's last use is kept; more would turn every read into a write. */
  seenStepMs: minute,
  /** For wide tokens: time since the password was given. */
  passwordFreshMs: 15 * minute,
  /** NIST SP 800-63B-4 §3.1.1.2, for a password that is the only factor. */
  minPasswordLength: 15,
  /** Long enough for any sentence (63B-4 asks for 64), short enough that hashing it costs nothing extra. */
  maxPasswordLength: 256,
  /** What a password must have besides the names that everybody expects in it. */
  minUnexpectedLength: 8,
  /** Guesses that a password must withstand, as a power of ten: beyond every guess that the throttle lets through. */
  minGuessesLog10: 10,
  /** Estimating is quadratic in the length; what these characters withstand, the whole does. */
  estimatedLength: 64,
  /** Argon2id computations at a time, each with 64 MiB. */
  maxHashesAtOnce: 2,
  /** Further log-ins wait for these; beyond it the cluster says that it is busy. */
  maxHashesWaiting: 32,
  /** Failed log-ins before somebody must wait; see `throttle.ts` for what each counts. */
  throttle: {
    pair: { free: 10, windowMs: hour, longestWaitMs: 5 * minute },
    session: { free: 10, windowMs: hour, longestWaitMs: 5 * minute },
    address: { free: 50, windowMs: hour, longestWaitMs: 15 * minute },
    name: { free: 50, windowMs: day, longestWaitMs: 15 * minute },
  },
  /** Counters kept; when there are more, those that end first make room. */
  maxLoginCounters: 100_000,
  /** An address from which a user has logged in counts as known this long. */
  knownLoginMs: 30 * day,
  /** Known addresses of one user. */
  maxKnownLogins: 50,
  /** What an identity provider said of a user's roles is good this long for his API keys. */
  providerRolesMs: 30 * day,
  /** Time to log in at the identity provider. */
  providerLoginMs: 15 * minute,
  /** How long the identity provider's own description of itself is kept. */
  providerMetadataMs: hour,
  /** How long the identity provider may take to answer. */
  providerAnswerMs: 5_000,
  /** How far the identity provider's clock may be off. */
  providerClockMs: minute,
  /** Role bindings of one user or API key. */
  maxBindings: 100,
  apiKeyDefaultMs: 90 * day,
  apiKeyMaxMs: 366 * day,
} as const;
