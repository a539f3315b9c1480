import type { ServiceProtection } from "@postern/protocol";
import type { Profile } from "./profiles.ts";

/** Each member that differs between two states of a profile, as it was and as it is. */
export function changesOf(
  before: Pick<Profile, "name" | "settings">,
  after: Pick<Profile, "name" | "settings">,
): Record<string, { from: unknown; to: unknown }> {
  const changes: Record<string, { from: unknown; to: unknown }> = {};
  if (before.name !== after.name) changes["name"] = { from: before.name, to: after.name };
  const [from, to] = [before.settings.serviceProtection, after.settings.serviceProtection];
  for (const member of Object.keys(to) as (keyof ServiceProtection)[]) {
    if (from[member] !== to[member]) {
      changes[`serviceProtection.${member}`] = { from: from[member], to: to[member] };
    }
  }
  return changes;
}
