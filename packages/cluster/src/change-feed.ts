import type { Transaction } from "kysely";

export interface ChangeTables {
  cluster_change: ClusterChangeTable;
  cluster_news: ClusterChangeTable;
}

/** The newest changes, so that each node learns of those that were made through others. */
export interface ClusterChangeTable {
  /** Counts from 1 without gaps, in the order of the commits. */
  number: number;
  /** Of this very change: a database that was put back counts the same numbers again. */
  id: string;
  /** JSON of a {@link Change} or of {@link News}. */
  body: string;
}

/** Something that held check-ins may be waiting for. Says where to look, never what is there now. */
export type Change =
  | { readonly kind: "profile"; readonly tenantId: string; readonly profileId: string }
  /** An agent has another profile; null: agents of the tenant have. */
  | { readonly kind: "assignment"; readonly tenantId: string; readonly agentId: string | null }
  /** Agents are to be told of other packages, or of other addresses; `updating`: those whose profile wants a version. */
  | { readonly kind: "told"; readonly to: "everyone" | "updating" }
  /** A token was revoked; null: one for the whole cluster. */
  | { readonly kind: "revocation"; readonly tenantId: string | null; readonly agentId: string | null }
  /** A key was made or withdrawn: there is a newer trust bundle, or a key that must not sign any more. */
  | { readonly kind: "keys" }
  /** Changes were missed: whatever somebody waits for may have happened. */
  | { readonly kind: "anything" };

/**
 * Something that people who look on may want to see at once. Apart from {@link Change}, since there is far more of it
 * and no check-in waits for it: thousands of held ones must not be asked each time whether it concerns them.
 */
export type News =
  /** What is known of an agent; null: of agents of the tenant. */
  | { readonly kind: "agent"; readonly tenantId: string; readonly agentId: string | null }
  | { readonly kind: "journal"; readonly tenantId: string; readonly agentId: string }
  | {
      readonly kind: "token";
      /** Null: a token for the whole cluster. */
      readonly tenantId: string | null;
      readonly agentId: string | null;
      readonly tokenId: string;
      readonly what: "issued" | "redeemed" | "revoked";
    }
  /** An alarm was raised or has changed; without ids: alarms of the tenant, or (null) of the cluster. */
  | {
      readonly kind: "alarm";
      readonly tenantId: string | null;
      readonly agentId: string | null;
      readonly alarmId: string | null;
    }
  /** News were missed. */
  | { readonly kind: "anything" };

/** News in the order in which they were committed, on whichever node. */
export interface NewsFeed {
  /** Calls `listener` with everything from now on, until the returned function is called. */
  news(listener: (news: News) => void): () => void;
}

/** Changes in the order in which they were committed, on whichever node. Each has a number; the first after the start is 1. */
export interface ChangeFeed {
  /** The number of the newest change. */
  readonly counter: number;
  /** Calls `listener` on every change from now on, until the returned function is called. */
  changes(listener: (change: Change) => void): () => void;
  /** The changes after `counter`; null when they are no longer known: then anything may have changed. */
  catchUpFrom(counter: number): readonly Change[] | null;
}

/** The side of those who change something. */
export interface ChangePublisher {
  /** Tells every node of a change that is made in `tx`, once that is committed. */
  publish<DB extends ChangeTables>(tx: Transaction<DB>, change: Change | News): void;
}

/** Long enough for what happens while one request reads the database. */
const rememberedChanges = 1_024;

/** The feed as one node gives it to its own requests. */
export function createLocalFeed(): ChangeFeed & { tell(change: Change): void } {
  const listeners = new Set<(change: Change) => void>();
  const remembered: Change[] = [];
  let counter = 0;
  return {
    get counter() {
      return counter;
    },
    changes(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    catchUpFrom(since) {
      const missed = counter - since;
      if (missed < 0 || missed > remembered.length) return null;
      return missed === 0 ? [] : remembered.slice(-missed);
    },
    tell(change) {
      counter += 1;
      remembered.push(change);
      if (remembered.length > rememberedChanges) remembered.shift();
      for (const listener of listeners) listener(change);
    },
  };
}
