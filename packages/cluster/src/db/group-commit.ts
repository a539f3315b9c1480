import { AsyncLocalStorage } from "node:async_hooks";
import type { ControlledTransaction, Kysely, Transaction } from "kysely";
import { Deferred, openDeferrals } from "./commit-lane.ts";
import { DatabaseError, isConflict } from "./database-error.ts";
import { dbLimits } from "./limits.ts";
import type { Durable, Leave } from "./store.ts";
import { createLease } from "./work-lease.ts";

/** Too many changes wait for the disk; nothing of this one was done. */
export class StoreBusy extends Error {
  override readonly name = "StoreBusy";
}

/** Counts the queries that failed, so that a work that swallows or wraps an error is noticed. */
export interface QueryFailures {
  count: number;
  /** Of them, those after which the whole transaction is to be run again. */
  conflicts: number;
}

/** Notes a query that failed. */
export function countFailure(failures: QueryFailures, error: unknown): void {
  failures.count += 1;
  if (isConflict(error)) failures.conflicts += 1;
}

export interface GroupCommit<DB> {
  readonly durable: Durable<DB>;
  readonly leave: Leave<DB>;
  /** Waits for what was already given; afterwards `durable` refuses. */
  close(): Promise<void>;
}

interface Answer {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Request<DB> = Answer &
  (
    | { readonly work: (tx: Transaction<DB>) => Promise<unknown>; readonly leaving?: undefined }
    | { readonly leaving: (tx: Transaction<DB>) => void }
  );

/**
 * One durable writer for the whole node. While one transaction waits for the disk, the works that arrive are
 * gathered; the next transaction carries them all and one flush of the disk answers them all. A lone work
 * never waits for company.
 *
 * A transaction that the database undid because of another one (serialization failure, deadlock) is run again with
 * all its works, which therefore may do nothing but use their `tx`. Nobody was answered by then. A connection that
 * breaks is no such case: a commit whose answer is lost may have been done.
 */
export function createGroupCommit<DB>(writer: Kysely<DB>, failures: Readonly<QueryFailures>): GroupCommit<DB> {
  const waiting: Request<DB>[] = [];
  const insideWork = new AsyncLocalStorage<true>();
  let running: Promise<void> | undefined;
  let closed = false;

  const durable: Durable<DB> = async <T>(work: (tx: Transaction<DB>) => Promise<T>) => {
    refuseWhenBusy();
    const answer = new Promise<T>((resolve, reject) => {
      waiting.push({ work, resolve: resolve as (value: unknown) => void, reject });
    });
    running ??= drain();
    return answer;
  };

  const leave: Leave<DB> = async (leaving) => {
    refuseWhenBusy();
    const answer = new Promise<void>((resolve, reject) => {
      waiting.push({ leaving, resolve: () => resolve(), reject });
    });
    running ??= drain();
    return answer;
  };

  function refuseWhenBusy(): void {
    if (insideWork.getStore())
      throw new Error("durable() was called inside a work of durable(): it would wait for itself");
    if (closed) throw new StoreBusy("The cluster is shutting down.");
    if (waiting.length >= dbLimits.maxWaitingWorks) throw new StoreBusy("Too many changes are waiting to be stored.");
  }

  async function drain(): Promise<void> {
    // One turn of the event loop lets requests that arrived together share the first transaction too.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) await commitTogether(waiting.splice(0, dbLimits.maxWorksPerCommit));
    // In the same step as the check above: a work given between the two would wait for ever.
    running = undefined;
  }

  async function commitTogether(batch: readonly Request<DB>[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        const answers = await tryToCommit(batch);
        // A hundred requests that go on at once keep this thread from the next transaction, which can be under way meanwhile.
        setImmediate(() => {
          for (const answer of answers) answer();
        });
        return;
      } catch (error) {
        if (isConflict(error) && attempt < dbLimits.maxCommitAttempts) continue;
        if (error instanceof LaneRefused) {
          if (batch.length > 1) for (const request of batch) await commitTogether([request]);
          else for (const request of batch) request.reject(error.cause);
          return;
        }
        for (const request of batch) request.reject(error);
        return;
      }
    }
  }

  async function tryToCommit(batch: readonly Request<DB>[]): Promise<(() => void)[]> {
    const answers: (() => void)[] = [];
    let tx: ControlledTransaction<DB> | undefined;
    try {
      tx = await writer.startTransaction().execute();
      const deferred = new Deferred<DB>();
      for (const request of batch) {
        answers.push(
          request.leaving ? leaveOne(request.leaving, request, deferred) : await runOne(tx, request, deferred),
        );
      }
      await appendAll(tx, deferred, failures);
      await tx.commit().execute();
      deferred.committed();
      return answers;
    } catch (error) {
      await undo(tx);
      throw error;
    }
  }

  async function runOne(
    tx: ControlledTransaction<DB>,
    request: Answer & { readonly work: (tx: Transaction<DB>) => Promise<unknown> },
    deferred: Deferred<DB>,
  ): Promise<() => void> {
    const savepoint = await tx.savepoint("work").execute();
    const lease = createLease();
    const own = savepoint.withPlugin(lease.plugin);
    openDeferrals(own);
    const before = { ...failures };
    try {
      const value = await insideWork.run(true, () => withinTimeLimit(request.work(own)));
      if (failures.count !== before.count) throw new Error("a work caught a query's error and went on");
      lease.end();
      await savepoint.releaseSavepoint("work").execute();
      deferred.takeFrom(own);
      return () => request.resolve(value);
    } catch (error) {
      lease.end();
      if (failures.conflicts !== before.conflicts) {
        throw isConflict(error) ? error : new DatabaseError("conflict", "the transaction was undone", { cause: error });
      }
      await savepoint.rollbackToSavepoint("work").execute();
      await savepoint.releaseSavepoint("work").execute();
      return () => request.reject(error);
    }
  }

  return {
    durable,
    leave,
    async close() {
      closed = true;
      await running;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

/** A lane took exception to an item, on its own account and not on the database's. */
class LaneRefused extends Error {
  override readonly name = "LaneRefused";
}

async function appendAll<DB>(
  tx: ControlledTransaction<DB>,
  deferred: Deferred<DB>,
  failures: Readonly<QueryFailures>,
): Promise<void> {
  const before = failures.count;
  try {
    await deferred.append(tx);
  } catch (error) {
    if (failures.count !== before) throw error;
    throw new LaneRefused("a lane refused an item", { cause: error });
  }
}

/** What a work without queries leaves to the lanes. Whatever it throws is its own answer, and it leaves nothing. */
function leaveOne<DB>(leaving: (tx: Transaction<DB>) => void, request: Answer, deferred: Deferred<DB>): () => void {
  const own = createNoTransaction<DB>();
  openDeferrals(own);
  try {
    leaving(own);
  } catch (error) {
    return () => request.reject(error);
  }
  deferred.takeFrom(own);
  return () => request.resolve(undefined);
}

/** Stands where a transaction is expected and only `deferToCommit` will look at it. */
function createNoTransaction<DB>(): Transaction<DB> {
  const refuse = () => {
    throw new Error("a work of leave() queries nothing; use durable()");
  };
  return new Proxy({}, { get: refuse }) as Transaction<DB>;
}

/** One work that never ends would stop every change of the node. */
async function withinTimeLimit<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("a work took too long inside a transaction")), dbLimits.maxWorkMs);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

async function undo<DB>(tx: ControlledTransaction<DB> | undefined): Promise<void> {
  if (tx === undefined || tx.isCommitted || tx.isRolledBack) return;
  try {
    await tx.rollback().execute();
  } catch {
    // The engine has already rolled back by itself (disk full, read error): there is nothing left to undo.
  }
}
