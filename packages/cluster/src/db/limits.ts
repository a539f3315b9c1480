export const dbLimits = {
  /** One flush of the disk serves this many changes; more would make the first of them wait for the last. */
  maxWorksPerCommit: 256,
  /** At a few thousand changes a second this is about two seconds; beyond it callers do better to come again. */
  maxWaitingWorks: 8_192,
  /** A work holds up every other change of its node. */
  maxWorkMs: 10_000,
  /** A transaction that lost against another is run again; who loses this often has another problem. */
  maxCommitAttempts: 5,
  /** Rows of one statement: both engines bound their parameters (SQLite 32,766, PostgreSQL 65,535). */
  maxRowsPerStatement: 500,
  /** Read connections: reads run on the main thread, so more than one is needed only for read transactions. */
  maxReaders: 4,
  /** Prepared statements kept for each connection; the program's own statements are some hundreds. */
  maxPreparedStatements: 500,
} as const;

export const postgresLimits = {
  /** A query waits for the network here, so several run at once; a server allows 100 connections unless told otherwise. */
  maxReaders: 10,
  connectWithinMs: 5_000,
  /** Longest read. Lists are pages, so one that takes longer is a fault, or the server is gone. */
  maxReadMs: 30_000,
  /** Longest statement of a change, waiting for the turn of this node included. */
  maxWriteMs: 20_000,
  /** A node that stands still inside a transaction is thrown out, so that the others get their turn. Over `maxWorkMs`. */
  maxIdleInTransactionMs: 15_000,
  /** How often nodes compare where they are, in case a signal was missed. */
  compareEveryMs: 30_000,
  /** Pauses before the listening connection is tried again, from the first to the longest. */
  reconnectMs: { first: 100, longest: 5_000 },
} as const;
