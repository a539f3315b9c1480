export const dbLimits = {
  /** One flush of the disk serves this many changes; more would make the first of them wait for the last. */
  maxWorksPerCommit: 256,
  /** At a few thousand changes a second this is about two seconds; beyond it callers do better to come again. */
  maxWaitingWorks: 8_192,
  /** A work holds up every other change of its node. */
  maxWorkMs: 10_000,
  /** Rows of one statement: both engines bound their parameters (SQLite 32,766, PostgreSQL 65,535). */
  maxRowsPerStatement: 500,
  /** Read connections: reads run on the main thread, so more than one is needed only for read transactions. */
  maxReaders: 4,
  /** Prepared statements kept for each connection; the program's own statements are some hundreds. */
  maxPreparedStatements: 500,
} as const;
