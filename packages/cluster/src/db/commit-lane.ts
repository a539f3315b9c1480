import type { Transaction } from "kysely";
import { DatabaseError } from "./database-error.ts";
import { sendTogether } from "./statement-batch.ts";

/**
 * Writes that must come last in a transaction, once for all works that share it.
 *
 * An audit chain's head is a row that every change touches. Taking it last, and the heads in a fixed order,
 * keeps it locked for the shortest time and makes it impossible that two nodes wait for each other.
 */
export interface CommitLane<DB, Item> {
  /** Lanes are asked in the order of their names. */
  readonly name: string;
  /**
   * Writes `items`, in the order in which the works gave them. A throw undoes the whole transaction.
   *
   * All lanes of a transaction run side by side, so that what several ask the database for goes there in one message; what one of
   * them writes is none of the others' business.
   */
  append(tx: Transaction<DB>, items: readonly Item[]): Promise<void>;
  /** Called once the transaction is committed, before any of its works is answered. It must not throw. */
  committed?(): void;
}

interface Deferral {
  readonly lane: CommitLane<never, never>;
  readonly item: unknown;
}

const deferralsOf = new WeakMap<object, Deferral[]>();

/** Called by the group commit for the transaction that it hands to one work. */
export function openDeferrals(tx: object): void {
  deferralsOf.set(tx, []);
}

/**
 * Gives `item` to `lane`, to be written at the end of the transaction if the work succeeds.
 *
 * @throws {Error} when `tx` was not handed out by `durable`: then nobody would ever write the item.
 */
export function deferToCommit<DB, Item>(tx: Transaction<DB>, lane: CommitLane<DB, Item>, item: Item): void {
  const deferrals = deferralsOf.get(tx);
  if (deferrals === undefined)
    throw new Error(`${lane.name}: only the transaction given by durable() can be used here`);
  deferrals.push({ lane: lane as unknown as CommitLane<never, never>, item });
}

/** What the works of one transaction left to be written, gathered by lane. */
export class Deferred<DB> {
  readonly #items = new Map<CommitLane<DB, unknown>, unknown[]>();

  takeFrom(tx: object): void {
    for (const { lane, item } of deferralsOf.get(tx) ?? []) {
      const known = lane as unknown as CommitLane<DB, unknown>;
      const items = this.#items.get(known) ?? [];
      items.push(item);
      this.#items.set(known, items);
    }
  }

  async append(tx: Transaction<DB>): Promise<void> {
    const lanes = [...this.#items].sort(([a], [b]) => (a.name < b.name ? -1 : 1));
    sendTogether(tx);
    // All of them, also when one has failed: none may still be writing when the transaction is undone.
    const ends = await Promise.allSettled(lanes.map(async ([lane, items]) => lane.append(tx, items)));
    const errors = ends.flatMap((end) => (end.status === "rejected" ? [end.reason] : []));
    if (errors.length > 0) throw errors.find((error) => error instanceof DatabaseError) ?? errors[0];
  }

  committed(): void {
    for (const lane of this.#items.keys()) lane.committed?.();
  }
}
