import type { ChangePublisher } from "../change-feed.ts";
import type { Clock } from "../clock.ts";
import { isProfileOfIntent } from "../profiles/intents.ts";
import type { ProfileUse } from "../profiles/profiles.ts";
import { countWindowsAgents, isProfileOfAgent, newestAssignment, reassign } from "./assignment.ts";

/** How agents and intents use profiles. */
export function profileUse(feed: ChangePublisher, clock: Clock): ProfileUse {
  return {
    newestAssignment,
    countWindowsAgents,
    isInUse: async (tx, tenantId, profileId) =>
      (await isProfileOfIntent(tx, tenantId, profileId)) || (await isProfileOfAgent(tx, tenantId, profileId)),
    // A user has switched protection on or off in a profile that agents are kept in, or from: what held them may be gone.
    changed: async (tx, tenantId, profileId) => {
      await reassign(tx, feed, tenantId, { kind: "held", profileId }, "edit", clock.now());
    },
  };
}
