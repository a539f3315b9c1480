import { toSearchText } from "../db/search-text.ts";

/**
 * Makes a test of host names from a pattern in which `*` stands for any text and `?` for one character; everything else
 * stands for itself, in any case. The whole name must fit.
 *
 * The work is bounded by the lengths of pattern and name multiplied: only the last `*` is ever gone back to, so no name
 * that a workload makes up can keep the cluster busy, as it could with a regular expression.
 */
export function hostPattern(pattern: string): (hostName: string) => boolean {
  const signs = [...toSearchText(pattern)];
  return (hostName) => fits(signs, [...toSearchText(hostName)]);
}

function fits(signs: readonly string[], name: readonly string[]): boolean {
  let sign = 0;
  let at = 0;
  /** Where the last `*` stands, and up to where of the name it reaches so far. */
  let star = -1;
  let starEnd = 0;
  while (at < name.length) {
    if (signs[sign] === "*") {
      star = sign++;
      starEnd = at;
    } else if (signs[sign] === "?" || signs[sign] === name[at]) {
      sign += 1;
      at += 1;
    } else if (star >= 0) {
      sign = star + 1;
      at = ++starEnd;
    } else {
      return false;
    }
  }
  while (signs[sign] === "*") sign += 1;
  return sign === signs.length;
}
