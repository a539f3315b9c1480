import type { Kysely, Transaction } from "kysely";

/**
 * The database as the features see it: `reads` for queries, `durable` for every change.
 *
 * `reads` refuses writes. It sees every change that `durable` has answered.
 */
export interface Store<DB> {
  readonly reads: Kysely<DB>;
  readonly durable: Durable<DB>;
  /** Answers what was already given to `durable`, then lets go of the files. */
  close(): Promise<void>;
}

/**
 * Runs `work` in a transaction shared with others (a savepoint of its own) and resolves with its result
 * once the commit is on disk. When `work` throws, only its own changes are undone and the promise rejects
 * with the same error, so a `work` may throw a Problem.
 *
 * Inside `work`: use only `tx`, await every query, do nothing slow (no hashing of passwords, no signing, no
 * network), call no `durable`, and never catch a query's error and go on: that makes the whole work fail,
 * since PostgreSQL would refuse what follows.
 */
export type Durable<DB> = <T>(work: (tx: Transaction<DB>) => Promise<T>) => Promise<T>;
