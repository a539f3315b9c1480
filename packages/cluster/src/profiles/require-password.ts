import type { UnixMs } from "../clock.ts";
import type { Principal } from "../identity/principal.ts";
import { requireRecentPassword } from "../identity/reauthentication.ts";
import type { Profile } from "./profiles.ts";

/**
 * Before a profile takes protection from its agents, as before a decommission: an unlocked screen is not enough.
 *
 * @throws {Problem} reauthentication_required
 */
export function requirePasswordToSwitchOff(
  { before, after }: { readonly before: Profile; readonly after: Profile },
  principal: Principal,
  now: UnixMs,
): void {
  const switchesOff = before.settings.serviceProtection.on && !after.settings.serviceProtection.on;
  if (switchesOff) requireRecentPassword(principal, now);
}
