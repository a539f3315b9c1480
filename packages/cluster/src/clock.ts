/** Milliseconds since 1970 (UTC), the form in which the cluster keeps times. */
export type UnixMs = number;

/** Where the cluster's idea of now comes from; tests pass their own. */
export interface Clock {
  now(): UnixMs;
}

/** The machine's clock. Nothing else in this program reads it. */
export const systemClock: Clock = { now: () => Date.now() };

/** RFC 3339 in UTC with milliseconds, the form of every time in the API. */
export function toRfc3339(at: UnixMs): string {
  return new Date(at).toISOString();
}

/** For members of an answer that may have no time yet. */
export function toRfc3339OrNull(at: UnixMs | null): string | null {
  return at === null ? null : toRfc3339(at);
}
