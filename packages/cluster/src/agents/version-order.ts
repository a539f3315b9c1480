/** Longest number of a version that is still compared as one. */
const digits = 10;

/**
 * A version as a text that sorts as versions do: 1.10.0 after 1.9.0, and 1.0.0-beta.1 before 1.0.0 (Semantic Versioning
 * §11). Numbers beyond four, and what is no version at all, sort by their characters.
 */
export function versionOrder(version: string): string {
  const [, core = "", rest = ""] = /^([0-9.]*)(.*)$/s.exec(version.replace(/\+.*$/s, "")) ?? [];
  const numbers = core.split(".").filter((number) => number !== "");
  while (numbers.length < 4) numbers.push("0");
  // "~" comes after everything that can begin a pre-release.
  return `${numbers.map(padded).join(".")}${rest === "" ? "~" : rest.replaceAll(/[0-9]+/g, padded)}`;
}

function padded(number: string): string {
  return number.padStart(digits, "0");
}
