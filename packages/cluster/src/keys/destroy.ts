import { Problem } from "../http/problems.ts";
import type { KeyOrder, KeyServices } from "./change-keys.ts";
import { type AgentsByBundle, countStranded } from "./reach.ts";

/**
 * Destroys the private half of a key that is retired or compromised, on every node. Nothing brings it back but a backup
 * of the key store. Destroying it again changes nothing.
 *
 * The database says it first, and each node removes its file after that: a power cut between the two is made up for at
 * the next start.
 *
 * @param confirmedStranded how many agents the sender knows to be stranded by it
 * @throws {Problem} not_found, key_not_replaceable, key_in_use, stranded_not_confirmed
 */
export async function destroyKey(
  services: KeyServices,
  agentsByBundle: AgentsByBundle,
  kid: string,
  confirmedStranded: number,
  order: KeyOrder,
): Promise<void> {
  const { store, audit, clock, keys, feed } = services;
  await store.durable(async (tx) => {
    const row = await tx
      .selectFrom("signing_key")
      .leftJoin("key_copy", "key_copy.kid", "signing_key.kid")
      .select(["use", "state", "destroyed_at"])
      .where("signing_key.kid", "=", kid)
      .executeTakeFirst();
    if (row === undefined) throw new Problem("not_found", "There is no such key.");
    if (row.use === "audit") {
      throw new Problem("key_not_replaceable", `This is the cluster's ${row.use} key.`);
    }
    if (row.state === "active" || row.state === "retiring") {
      throw new Problem("key_in_use", `The key is ${row.state}.`);
    }
    if (row.destroyed_at !== null) return;
    const stranded = await countStranded(tx, agentsByBundle, kid);
    if (stranded !== confirmedStranded) {
      throw new Problem("stranded_not_confirmed", `Destroying it strands ${stranded}; ${confirmedStranded} confirmed.`);
    }
    const destroyed_at = clock.now();
    await tx
      .insertInto("key_copy")
      .values({ kid, sealed: null, destroyed_at })
      .onConflict((conflict) => conflict.column("kid").doUpdateSet({ sealed: null, destroyed_at }))
      .execute();
    audit.record(tx, {
      tenantId: null,
      action: "key.destroy",
      outcome: "done",
      origin: order.origin,
      target: { kind: "key", id: kid },
      why: order.reason,
      details: { use: row.use, stranded },
    });
    feed.publish(tx, { kind: "keys" });
  });
  await keys.reload();
}
