import type { ChangePublisher } from "../change-feed.ts";
import type { Clock } from "../clock.ts";
import { acrossTenants } from "../db/tenant-guard.ts";
import type { PackageUse } from "../packages/agent-packages.ts";
import { tellAgain, tellingProfiles } from "../profiles/told.ts";
import type { Tx } from "../schema.ts";

/** How agents learn of packages: those whose profile wants a version of them. */
export function packageUse(feed: ChangePublisher, clock: Clock): PackageUse {
  return {
    async profilesWanting(db, version) {
      const wanting = (await tellingProfiles(db)).filter(({ desiredVersion }) => desiredVersion === version);
      return wanting.map(({ name, tenantName }) => `${name} (${tenantName})`);
    },
    async changed(tx) {
      const wanting = (await tellingProfiles(tx)).filter(({ desiredVersion }) => desiredVersion !== null);
      const ids = wanting.map(({ id }) => id);
      if (ids.length === 0) return;
      await tellAgain(tx, ids, await newestAssignmentAnywhere(tx), clock.now());
      feed.publish(tx, { kind: "told", to: "updating" });
    },
  };
}

/** How agents learn of other addresses: all of them. */
export function tellAddresses(feed: ChangePublisher, clock: Clock): (tx: Tx) => Promise<void> {
  return async (tx) => {
    const ids = (await tellingProfiles(tx)).map(({ id }) => id);
    await tellAgain(tx, ids, await newestAssignmentAnywhere(tx), clock.now());
    feed.publish(tx, { kind: "told", to: "everyone" });
  };
}

async function newestAssignmentAnywhere(tx: Tx): Promise<number> {
  const { newest } = await acrossTenants(
    tx.selectFrom("agent").select((row) => row.fn.max("assigned_at").as("newest")),
    "the newest assignment of any agent, so that revisions rise past it",
  ).executeTakeFirstOrThrow();
  return Number(newest ?? 0);
}
