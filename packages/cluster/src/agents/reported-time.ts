import { toRfc3339, type UnixMs } from "../clock.ts";

/** The last moment that RFC 3339 can write. */
const lastMoment: UnixMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** A time that a workload reported, as the API writes it. A clock that nobody can believe must not break the answer. */
export function toReportedTime(at: UnixMs): string {
  return toRfc3339(Math.min(at, lastMoment));
}
