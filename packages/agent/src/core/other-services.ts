import type { OtherService } from "../ports.ts";
import type { Changed, Effect } from "./effects.ts";
import type { AgentState, PersistedState } from "./state.ts";

/**
 * The services of other vendors to guard beside our own. Undefined without an applied config, as after the state was
 * lost: then nobody can say, and what is guarded stays it.
 */
export function servicesToGuard({
  rev,
  profile,
}: Pick<PersistedState, "rev" | "profile">): readonly string[] | undefined {
  return rev === 0 ? undefined : (profile.services ?? []);
}

/** Whether two profiles name other services: for those that are guarded, order and case make no difference. */
export function sameServices(one: readonly string[] = [], other: readonly string[] = []): boolean {
  const names = (list: readonly string[]) => JSON.stringify(list.map((name) => name.toLowerCase()).sort());
  return names(one) === names(other);
}

/** A service is as the guard has it or wants to have it; every other state is one in which it was left alone. */
const notable: ReadonlySet<string> = new Set(["guarded", "not_guarded"]);

/**
 * Journals services that are listed and not guarded, each with the reason: once for each reason in the life of the
 * process, or it would be an entry a minute.
 */
export function recordLeftAlone(state: AgentState, services: readonly OtherService[], journalFull: boolean): Changed {
  if (journalFull) return { state, effects: [] };
  const told = new Set(state.leftAloneTold);
  const effects: Effect[] = [];
  for (const { name, state: reason } of services) {
    const key = `${reason} ${name.toLowerCase()}`;
    if (notable.has(reason) || told.has(key)) continue;
    told.add(key);
    effects.push({ type: "journal", kind: "service_left_alone", data: { service: name.slice(0, 80), reason } });
  }
  if (effects.length === 0) return { state, effects };
  return { state: { ...state, leftAloneTold: [...told] }, effects: [...effects, { type: "checkIn" }] };
}
