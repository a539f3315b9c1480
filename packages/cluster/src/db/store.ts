import type { Kysely, Transaction } from "kysely";

/**
 * The database as the features see it: `reads` for queries, `durable` for every change.
 *
 * `reads` refuses writes. It sees every change that `durable` has answered.
 */
export interface Store<DB> {
  readonly reads: Kysely<DB>;
  readonly durable: Durable<DB>;
  readonly leave: Leave<DB>;
  readonly signals: Signals<DB>;
  /** Answers what was already given to `durable`, then lets go of the database. */
  close(): Promise<void>;
}

/**
 * Wakes the other nodes that work on the same database. A signal carries nothing: what it is about stands in a table,
 * since a node may be cut off when it is sent.
 */
export interface Signals<DB> {
  /** Sends one when `tx` is committed. */
  send(tx: Transaction<DB>): Promise<void>;
  /**
   * Calls `heard` after each signal, and whenever one may have been missed, until the returned function is called.
   *
   * @param failed told, once for each time, when listening has ended and cannot begin again yet
   * @throws {DatabaseUnusable} when listening is not possible
   */
  listen(heard: () => void, failed: (error: unknown) => void): Promise<() => Promise<void>>;
}

/**
 * Runs `work` in a transaction shared with others (a savepoint of its own) and resolves with its result
 * once the commit is on disk. When `work` throws, only its own changes are undone and the promise rejects
 * with the same error, so a `work` may throw a Problem.
 *
 * Inside `work`: use only `tx`, await every query, do nothing slow (no hashing of passwords, no signing, no
 * network), call no `durable`, and never catch a query's error and go on: that makes the whole work fail,
 * since PostgreSQL would refuse what follows. `work` may run again from its beginning, when its transaction lost against
 * another one; so it changes nothing but by `tx`.
 */
export type Durable<DB> = <T>(work: (tx: Transaction<DB>) => Promise<T>) => Promise<T>;

/**
 * Like {@link Durable} for a work that only leaves something to lanes (`deferToCommit`): it queries nothing, so it needs no savepoint
 * of its own, and all such works of a transaction cost a few statements together. Resolves once the commit is on disk.
 *
 * A lane that refuses an item refuses the whole transaction; its works are then committed one by one, so that only
 * the one whose item it was is rejected, with the lane's error.
 */
export type Leave<DB> = (work: (tx: Transaction<DB>) => void) => Promise<void>;
