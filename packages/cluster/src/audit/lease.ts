import type { UnixMs } from "../clock.ts";
import type { Durable } from "../schema.ts";

export interface LeaseRequest {
  /** What only one node is to do at a time. */
  readonly name: string;
  /** This node, by an id that it made at its start. */
  readonly holder: string;
  readonly now: UnixMs;
  readonly forMs: number;
}

/**
 * Takes or renews a lease; false when another node has it. A row and not a lock of a session: it works behind a pooler,
 * and the lease of a node that died ends by itself. The nodes' clocks decide, so the work itself must stand being done
 * twice.
 */
export function takeLease(durable: Durable, { name, holder, now, forMs }: LeaseRequest): Promise<boolean> {
  return durable(async (tx) => {
    const until_at = now + forMs;
    const taken = await tx
      .insertInto("lease")
      .values({ name, holder, until_at })
      .onConflict((conflict) =>
        conflict
          .column("name")
          .doUpdateSet({ holder, until_at })
          .where((row) => row.or([row("lease.holder", "=", holder), row("lease.until_at", "<=", now)])),
      )
      .returning("name")
      .executeTakeFirst();
    return taken !== undefined;
  });
}

/** Gives a lease back before its end, so that another node need not wait for it. */
export function endLease(durable: Durable, name: string, holder: string): Promise<void> {
  return durable(async (tx) => {
    await tx.deleteFrom("lease").where("name", "=", name).where("holder", "=", holder).execute();
  });
}
