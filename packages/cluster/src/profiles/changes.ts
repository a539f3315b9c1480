import type { Profile } from "./profiles.ts";
import type { ProfileSettings } from "./settings.ts";

type State = Pick<Profile, "name" | "settings">;

/** Each member that differs between two states of a profile, as it was and as it is. */
export function changesOf(before: State, after: State): Record<string, { from: unknown; to: unknown }> {
  const was = new Map(membersOf(before));
  const changes: Record<string, { from: unknown; to: unknown }> = {};
  for (const [member, to] of membersOf(after)) {
    const from = was.get(member);
    if (JSON.stringify(from) !== JSON.stringify(to)) changes[member] = { from, to };
  }
  return changes;
}

function membersOf({ name, settings }: State): [string, unknown][] {
  const { serviceProtection, checkIn, ...others }: ProfileSettings = settings;
  const inside = (group: string, members: object): [string, unknown][] =>
    Object.entries(members).map(([member, value]) => [`${group}.${member}`, value]);
  return [
    ["name", name],
    ...inside("serviceProtection", serviceProtection),
    ...inside("checkIn", checkIn),
    ...Object.entries(others),
  ];
}
