import type { Kysely, Transaction } from "kysely";
import {
  type Change,
  type ChangeFeed,
  type ChangePublisher,
  type ChangeTables,
  type ClusterChangeTable,
  createLocalFeed,
  type News,
  type NewsFeed,
} from "./change-feed.ts";
import { type CommitLane, deferToCommit } from "./db/commit-lane.ts";
import type { NewId } from "./db/ids.ts";
import { keepInsert, keepQuery } from "./db/kept-query.ts";
import { dbLimits } from "./db/limits.ts";
import type { Migration } from "./db/migration.ts";
import type { Store } from "./db/store.ts";

export const changeMigration: Migration = {
  name: "changes-1",
  statements: ["create table cluster_change (number int8 primary key, id text not null, body text not null)"],
};

export const newsMigration: Migration = {
  name: "changes-2",
  statements: ["create table cluster_news (number int8 primary key, id text not null, body text not null)"],
};

/** A node that was cut off for longer than these took is told that anything may have changed. */
export const keptChanges = 1_000;

export interface SharedChangeFeed extends ChangeFeed, NewsFeed, ChangePublisher {
  close(): Promise<void>;
}

const changeKinds: ReadonlySet<string> = new Set<Change["kind"]>([
  "profile",
  "assignment",
  "told",
  "revocation",
  "keys",
]);
const newsKinds: ReadonlySet<string> = new Set<News["kind"]>(["agent", "journal", "token", "alarm"]);

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
  const listeners = new Set<(news: News) => void>();
  const changes = await openLine<Change>(
    { store, newId, failed, table: "cluster_change", kinds: changeKinds },
    local.tell,
  );
  const news = await openLine<News>({ store, newId, failed, table: "cluster_news", kinds: newsKinds }, (one) => {
    for (const listener of listeners) listener(one);
  });
  const lookAtBoth = () => {
    void changes.look();
    void news.look();
  };
  const stopListening = await store.signals.listen(lookAtBoth, failed);
  return {
    get counter() {
      return local.counter;
    },
    changes: (listener) => local.changes(listener),
    catchUpFrom: (counter) => local.catchUpFrom(counter),
    news(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    publish(tx, one) {
      const own = tx as unknown as Transaction<ChangeTables>;
      if (isNews(one)) deferToCommit(own, news.lane, one);
      else deferToCommit(own, changes.lane, one);
    },
    async close() {
      await stopListening();
      await changes.quiet();
      await news.quiet();
    },
  };
}

function isNews(one: Change | News): one is News {
  return newsKinds.has(one.kind);
}

interface LineOptions {
  readonly store: Store<ChangeTables>;
  readonly newId: NewId;
  readonly failed: (error: unknown) => void;
  readonly table: keyof ChangeTables;
  /** What a newer version's node wrote may be of a kind that this one does not know: then anything may have changed. */
  readonly kinds: ReadonlySet<string>;
}

interface Line<Item> {
  readonly lane: CommitLane<ChangeTables, Item>;
  /** Tells what is new. */
  look(): Promise<void>;
  /** Resolves when nothing is being told any more. */
  quiet(): Promise<void>;
}

/** One numbered line of things to tell, in a table of its own, read by every node. */
async function openLine<Item extends Change | News>(
  { store, newId, failed, table, kinds }: LineOptions,
  tell: (item: Item) => void,
): Promise<Line<Item>> {
  const { selectNewest, selectFrom, insert, drop } = keptQueries(table);
  const newestIn = async (db: Kysely<ChangeTables>) => (await selectNewest(db, {}))[0];
  let known = await newestIn(store.reads);
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
        await tellNew();
      } catch (error) {
        failed(error);
      }
    }
    // In the same step as the check above: who looks between the two would not be heard.
    looking = undefined;
  }

  async function tellNew(): Promise<void> {
    // The one known last comes along: it shows that nothing between was dropped, nor the whole database put back.
    const rows = await selectFrom(store.reads, { first: known?.number ?? 0 });
    const [first] = rows;
    const isWhole = known === undefined ? first === undefined || first.number === 1 : first?.id === known.id;
    if (!isWhole) {
      known = await newestIn(store.reads);
      tell({ kind: "anything" } as Item);
      return;
    }
    for (const row of known === undefined ? rows : rows.slice(1)) {
      known = row;
      const item = JSON.parse(row.body) as Item;
      tell(kinds.has(item.kind) ? item : ({ kind: "anything" } as Item));
    }
    if (rows.length === dbLimits.maxRowsPerStatement) lookAgain = true;
  }

  return {
    look,
    quiet: async () => looking,
    lane: {
      name: table,
      async append(tx, items) {
        const newest = (await newestIn(tx))?.number ?? 0;
        const bodies = [...new Set(items.map((item) => JSON.stringify(item)))];
        const rows = bodies.map((body, index) => ({ number: newest + 1 + index, id: newId(), body }));
        const upTo = newest + rows.length - keptChanges;
        await Promise.all([insert(tx, rows), drop(tx, { upTo }), store.signals.send(tx)]);
      },
      // This node need not wait for its own signal.
      committed: () => void look(),
    },
  };
}

function keptQueries(table: keyof ChangeTables) {
  type Db = Kysely<ChangeTables>;
  return {
    selectNewest: keepQuery((db: Db) => db.selectFrom(table).selectAll().orderBy("number", "desc").limit(1)),
    selectFrom: keepQuery((db: Db, { first }: { readonly first: number }) =>
      db
        .selectFrom(table)
        .selectAll()
        .where("number", ">=", first)
        .orderBy("number")
        .limit(dbLimits.maxRowsPerStatement),
    ),
    insert: keepInsert((db: Db, rows: readonly ClusterChangeTable[]) => db.insertInto(table).values(rows)),
    drop: keepQuery((db: Db, { upTo }: { readonly upTo: number }) => db.deleteFrom(table).where("number", "<=", upTo)),
  };
}
