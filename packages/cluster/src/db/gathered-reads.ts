import type { Kysely } from "kysely";
import { dbLimits } from "./limits.ts";

/** What was asked for within one turn of the event loop, by key. */
type Batch<Found> = Map<string, PromiseWithResolvers<Found | undefined>>;

/**
 * Finds things by a key. What is asked for within one turn of the event loop is read together, so that a hundred requests that
 * arrive at once cost one query and not a hundred.
 *
 * Nothing is remembered: a read begins after it was asked for, and so sees every change that was answered before. Who
 * asks for the same key at the same time is given the same object: do not change it.
 *
 * Inside of a transaction each is read by itself, as what that transaction sees.
 *
 * @param read the things with these keys, by key; at most `maxRowsPerStatement` at once
 */
export function gatherReads<DB, Found>(
  read: (db: Kysely<DB>, keys: readonly string[]) => Promise<ReadonlyMap<string, Found>>,
): (db: Kysely<DB>, key: string) => Promise<Found | undefined> {
  const gathering = new WeakMap<Kysely<DB>, Batch<Found>>();

  async function readTogether(db: Kysely<DB>, batch: Batch<Found>): Promise<void> {
    try {
      const found = await read(db, [...batch.keys()]);
      for (const [key, { resolve }] of batch) resolve(found.get(key));
    } catch (error) {
      for (const { reject } of batch.values()) reject(error);
    }
  }

  function begin(db: Kysely<DB>): Batch<Found> {
    const batch: Batch<Found> = new Map();
    gathering.set(db, batch);
    // After the requests of this turn, and before whatever those do that come later.
    setImmediate(() => {
      if (gathering.get(db) === batch) gathering.delete(db);
      void readTogether(db, batch);
    });
    return batch;
  }

  return async (db, key) => {
    if (db.isTransaction) return (await read(db, [key])).get(key);
    let batch = gathering.get(db);
    if (batch === undefined || batch.size >= dbLimits.maxRowsPerStatement) batch = begin(db);
    const known = batch.get(key);
    if (known !== undefined) return known.promise;
    const asked = Promise.withResolvers<Found | undefined>();
    batch.set(key, asked);
    return asked.promise;
  };
}
