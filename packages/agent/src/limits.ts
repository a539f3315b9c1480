/** Longest command or answer between the command line and the service, bytes: room for a pasted CA file, not for a megabyte. */
export const commandBytes = 64 * 1024;

/** How long the command line waits for the service. Enrolling waits for the cluster, and that has its own limits. */
export const commandTimeoutMs = 60_000;

/** Clients that are served at once. More of them are somebody's loop, and must not cost the service its handles. */
export const commandClients = 16;

/** A client that says nothing is let go: it holds one of {@link commandClients}. */
export const commandIdleMs = 10_000;

/** How far the system clock may lie behind the highest trusted time at start before it counts as set back. */
export const clockBehindMs = 5 * 60_000;

/** A challenge is good for this much interrupt time: the way to a telephone and back. */
export const challengeMs = 15 * 60_000;

/** Used tokens are remembered this long past their expiry, by signed time: see `core/used-tokens.ts`. */
export const rememberUsedSeconds = 24 * 3600;

/** Used tokens remembered at once. Who can have so many made needs no trick with one of them; and state stays small. */
export const maxUsedTokens = 512;

/** Revoked token ids remembered at once; the newest stay. An answer brings 256 at most. */
export const maxRevokedKept = 512;

/** Charged to the lift when a service process starts: more than can be lost between two persisted budgets. */
export const startChargeMs = 60_000;

/** While lifted, the state is persisted this often (the budget), otherwise every {@link persistMs} (trusted time). */
export const persistLiftedMs = 30_000;
export const persistMs = 60_000;

/** How often it is looked whether the guard still is as it was set: what is undone has to be undone within 60 s. */
export const guardLookMs = 55_000;

/** Changes that the system tells of are looked at this far apart at least: somebody's loop must not keep us busy. */
export const guardLookGapMs = 1_000;

/** Of a layer that is changed again and again, one journal entry in this time. */
export const driftQuietMs = 3600_000;

/** Preallocated for each of state and journal, so that a full disk refuses no valid token. */
export const reservedBytes = 256 * 1024;

/**
 * A journal that nobody fetches stops growing here for entries that a local user can cause at will (refusals, service
 * starts); they are counted instead. What changes protection is always written: only a signed config or a valid token
 * causes it.
 */
export const journalSoftBytes = 224 * 1024;

/** Entries that a local user can cause: this many at once, then one per {@link quotaRefillMs}; the rest is counted. */
export const quotaBurst = 20;
export const quotaRefillMs = 60_000;

/** Longest text of journal entries in one check-in, characters: with facts and base64 it fits one message. */
export const journalBatchChars = 64 * 1024;

/** Without a sign of life from the cluster beyond the hold it promised, a request has failed. */
export const requestTimeoutMs = 30_000;

/**
 * How long an agent stays at an address of the cluster that is not the first one it was told, before it tries that again:
 * each try costs one request that may hang for {@link requestTimeoutMs}.
 */
export const addressReturnMs = 15 * 60_000;

/** Pause after the first failed request; it doubles up to the cap, and full jitter spreads the agents. */
export const backoffBaseMs = 1_000;
export const backoffCapMs = 60_000;

/** Longest pause that a `Retry-After` brings about: it is unsigned, and one slip of a proxy must not silence the agent. */
export const maxRetryAfterMs = 3600_000;

/** Pause after an answer that no repetition will change soon: decommissioned, or too old a protocol. */
export const refusedByClusterMs = 15 * 60_000;

/** Check-ins caused by local changes are at least this far apart: several changes of one moment become one request. */
export const promptCheckInGapMs = 200;

/** Pause after an answer that acknowledged nothing of what was delivered: the cluster cannot take it now. */
export const unheardPauseMs = 30_000;

/** How long a package may go on replacing the agent, interrupt time: Windows Installer takes a minute or two. */
export const grantMs = 10 * 60_000;

/** A package that could not be installed is tried again after this, and after twice as long each further time. */
export const updateRetryMs = 3600_000;
export const updateRetryCapMs = 24 * 3600_000;

/** Agents that are told of a package at one moment begin to fetch it within this; the cluster sends away who is too many. */
export const updateSpreadMs = 20_000;

/** Pause after a fetch that failed; its bound doubles up to the cap, with full jitter, and it is never shorter than this. */
export const fetchPauseMs = 1_000;
export const fetchRetryMs = 30_000;
export const fetchRetryCapMs = 3600_000;

/** A fetch in which nothing arrives for so long has failed. */
export const fetchStallMs = 60_000;

/** Room on the disk that a package must leave: it is there twice while it is installed, and unpacked once. */
export const packageRoomFactor = 5;
export const packageRoomBytes = 64 * 1024 * 1024;

/** Windows Installer does one thing at a time: while it does another, it is asked again after this. */
export const installerBusyMs = 5_000;

/** When the installer says that it has finished and this process is still there, it was not replaced. */
export const replacedWithinMs = 30_000;

/** Longest time the service works on its orderly end before it ends anyhow. */
export const stopMs = 5_000;
