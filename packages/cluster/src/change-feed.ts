/** Something that held check-ins may be waiting for. Says where to look, never what is there now. */
export type Change =
  | { readonly kind: "profile"; readonly tenantId: string; readonly profileId: string }
  /** A token was revoked; null: one for the whole cluster. */
  | { readonly kind: "revocation"; readonly tenantId: string | null; readonly agentId: string | null };

/** Changes in the order in which they were committed. Each has a number; the first after the start is 1. */
export interface ChangeFeed {
  /** The number of the newest change. */
  readonly counter: number;
  /** Calls `listener` on every change from now on, until the returned function is called. */
  changes(listener: (change: Change) => void): () => void;
  /** The changes after `counter`; null when they are no longer known: then anything may have changed. */
  catchUpFrom(counter: number): readonly Change[] | null;
}

/** The side of those who change something. Call it once the change is committed, never before. */
export interface ChangePublisher {
  publish(change: Change): void;
}

/** Long enough for what happens while one request reads the database. */
const rememberedChanges = 1_024;

/** The feed of a cluster of one node. */
export function createChangeFeed(): ChangeFeed & ChangePublisher {
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
    publish(change) {
      counter += 1;
      remembered.push(change);
      if (remembered.length > rememberedChanges) remembered.shift();
      for (const listener of listeners) listener(change);
    },
  };
}
