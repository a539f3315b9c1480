import type { Kysely, Transaction } from "kysely";
import {
  type Change,
  type ChangeFeed,
  type ChangePublisher,
  type ChangeTables,
  type ClusterChangeTable,
  createLocalFeed,
} from "./change-feed.ts";
import { type CommitLane, deferToCommit } from "./db/commit-lane.ts";
import type { NewId } from "./db/ids.ts";
import { dbLimits } from "./db/limits.ts";
import type { Migration } from "./db/migration.ts";
import type { Store } from "./db/store.ts";

export const changeMigration: Migration = {
  name: "changes-1",
  statements: ["create table cluster_change (number int8 primary key, id text not null, body text not null)"],
};

/** A node that was cut off for longer than these took is told that anything may have changed. */
export const keptChanges = 1_000;

export interface SharedChangeFeed extends ChangeFeed, ChangePublisher {
  close(): Promise<void>;
}

/**
 * The change feed of all nodes that work on one database. Changes are stored in the transaction that makes them, so
 * none is lost with a node that dies; a signal only says that it is time to look, so missing one costs time, not news.
 *
 * @param failed told when looking or listening was not possible; both are tried again
 * @throws {DatabaseUnusable} when the other nodes' signals cannot be heard
 */
export async function openSharedChangeFeed<DB extends ChangeTables>(
  sharedStore: Store<DB>,
  newId: NewId,
  failed: (error: unknown) => void,
): Promise<SharedChangeFeed> {
  const store = sharedStore as unknown as Store<ChangeTables>;
  const local = createLocalFeed();
  let known = await newestChange(store.reads);
  let looking: Promise<void> | undefined;
  let lookAgain = false;

  function look(): Promise<void> {
    lookAgain = true;
    looking ??= lookUntilQuiet();
    return looking;
  }

  async function lookUntilQuiet(): Promise<void> {
    while (lookAgain) {
      lookAgain = false;
      try {
        await tellNews();
      } catch (error) {
        failed(error);
      }
    }
    // In the same step as the check above: who looks between the two would not be heard.
    looking = undefined;
  }

  async function tellNews(): Promise<void> {
    // The one known last comes along: it shows that nothing between was dropped, nor the whole database put back.
    const rows = await store.reads
      .selectFrom("cluster_change")
      .selectAll()
      .where("number", ">=", known?.number ?? 0)
      .orderBy("number")
      .limit(dbLimits.maxRowsPerStatement)
      .execute();
    const [first] = rows;
    const isWhole = known === undefined ? first === undefined || first.number === 1 : first?.id === known.id;
    if (!isWhole) {
      known = await newestChange(store.reads);
      local.tell({ kind: "anything" });
      return;
    }
    for (const row of known === undefined ? rows : rows.slice(1)) {
      known = row;
      local.tell(readChange(row.body));
    }
    if (rows.length === dbLimits.maxRowsPerStatement) lookAgain = true;
  }

  const lane: CommitLane<ChangeTables, Change> = {
    name: "changes",
    async append(tx, changes) {
      const newest = (await newestChange(tx))?.number ?? 0;
      const rows = changes.map((change, index) => ({
        number: newest + 1 + index,
        id: newId(),
        body: JSON.stringify(change),
      }));
      for (let start = 0; start < rows.length; start += dbLimits.maxRowsPerStatement) {
        await tx
          .insertInto("cluster_change")
          .values(rows.slice(start, start + dbLimits.maxRowsPerStatement))
          .execute();
      }
      await tx
        .deleteFrom("cluster_change")
        .where("number", "<=", newest + rows.length - keptChanges)
        .execute();
      await store.signals.send(tx);
    },
    // This node need not wait for its own signal.
    committed: () => void look(),
  };

  const stopListening = await store.signals.listen(() => void look(), failed);
  return {
    get counter() {
      return local.counter;
    },
    changes: (listener) => local.changes(listener),
    catchUpFrom: (counter) => local.catchUpFrom(counter),
    publish: (tx, change) => deferToCommit(tx as unknown as Transaction<ChangeTables>, lane, change),
    async close() {
      await stopListening();
      await looking;
    },
  };
}

async function newestChange(db: Kysely<ChangeTables>): Promise<ClusterChangeTable | undefined> {
  return db.selectFrom("cluster_change").selectAll().orderBy("number", "desc").limit(1).executeTakeFirst();
}

const knownKinds: ReadonlySet<string> = new Set<Change["kind"]>(["profile", "assignment", "revocation", "keys"]);

/** What a newer version's node wrote may be of a kind that this one does not know. */
function readChange(body: string): Change {
  const change = JSON.parse(body) as Change;
  return knownKinds.has(change.kind) ? change : { kind: "anything" };
}
