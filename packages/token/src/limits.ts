/** Longest text accepted as a token. Ours are under 700 characters; a paste of a whole log must fail before any decoding. */
export const maxTokenChars = 4096;

/** Longest text read as a challenge: 16 symbols with room for however people space them. */
export const maxTypedChallengeChars = 64;

/** A token lives 15 minutes: long enough to carry it to a machine, too short to be kept in a drawer. */
export const tokenLifetimeSeconds = 900;

/** A lift's budget unless somebody sets another: half a working day of maintenance. */
export const defaultLiftSeconds = 14_400;

/** The longest budget anybody can set: protection is back within a day whatever happens. */
export const maxLiftSeconds = 86_400;

/** How far the cluster's clock may run ahead of the agent's: `nbf` is given this much, `exp` nothing. */
export const notBeforeSkewSeconds = 120;
