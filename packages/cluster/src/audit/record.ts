import type { Clock, UnixMs } from "../clock.ts";
import { type CommitLane, deferToCommit } from "../db/commit-lane.ts";
import type { NewId } from "../db/ids.ts";
import { keepInsert, keepQuery } from "../db/kept-query.ts";
import type { Database, Db, Tx } from "../schema.ts";
import { type AuditEvent, chainOf, firstLink, linkOf, toAuditBody } from "./entry.ts";
import type { AuditEntryTable } from "./tables.ts";

/** Writes the audit log. */
export interface Audit {
  /**
   * Records an event in the transaction of the change itself: either both are on disk when `durable` answers, or
   * neither is. Its place in the chain is given at the end of the transaction.
   *
   * @returns the entry's id
   */
  record(tx: Tx, event: AuditEvent): string;
}

interface Pending {
  readonly event: AuditEvent;
  readonly id: string;
  readonly at: UnixMs;
}

export function createAudit(clock: Clock, newId: NewId): Audit {
  return {
    record(tx, event) {
      const id = newId();
      deferToCommit(tx, chainLane, { event, id, at: clock.now() });
      return id;
    },
  };
}

/** Appends to each chain that was touched. Heads are taken in the order of their names, so that nodes cannot deadlock. */
const chainLane: CommitLane<Database, Pending> = {
  name: "audit",
  async append(tx, items) {
    const chains = [...Map.groupBy(items, ({ event }) => chainOf(event.tenantId))];
    chains.sort(([a], [b]) => (a < b ? -1 : 1));
    await Promise.all(chains.map(([chain, pending]) => appendToChain(tx, chain, pending)));
  },
};

async function appendToChain(tx: Tx, chain: string, pending: readonly Pending[]): Promise<void> {
  const [head] = await selectHead(tx, { chain });
  let { seq, hash } = head ?? { seq: 0, hash: firstLink };
  const rows = pending.map(({ event, id, at }): AuditEntryTable => {
    seq += 1;
    const body = JSON.stringify(toAuditBody(event, id, at, seq));
    hash = linkOf(hash, body);
    return {
      chain,
      seq,
      id,
      at,
      action: event.action,
      outcome: event.outcome,
      who_id: event.origin.who.id ?? "",
      target_kind: event.target?.kind ?? "",
      target_id: event.target?.id ?? "",
      body,
      hash,
    };
  });
  await Promise.all([insertEntries(tx, rows), setHead(tx, { chain, seq, hash })]);
}

const selectHead = keepQuery((db: Db, { chain }: { readonly chain: string }) =>
  db.selectFrom("audit_chain").select(["seq", "hash"]).where("chain", "=", chain),
);

const insertEntries = keepInsert((db: Db, rows: readonly AuditEntryTable[]) =>
  db.insertInto("audit_entry").values(rows),
);

const setHead = keepQuery(
  (db: Db, { chain, seq, hash }: { readonly chain: string; readonly seq: number; readonly hash: string }) =>
    db
      .insertInto("audit_chain")
      .values({ chain, seq, hash })
      .onConflict((conflict) => conflict.column("chain").doUpdateSet({ seq, hash })),
);
