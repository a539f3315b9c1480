import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** Something the person who builds can put right; the message says how. */
export class BuildError extends Error {
  override readonly name = "BuildError";
}

/**
 * Holds the list of packages inside the shipped program against the committed one, so that its growth shows in review.
 * With `update` it writes the list instead.
 *
 * @throws {BuildError} when they differ
 */
export function checkDependencies(file: string, packages: readonly string[], update: boolean): void {
  const actual = packages.map((name) => `${name}\n`).join("");
  if (update) writeFileSync(file, actual);
  const committed = existsSync(file) ? readFileSync(file, "utf8") : "";
  if (committed === actual) return;
  const known = committed.split("\n");
  const added = packages.filter((name) => !known.includes(name));
  const gone = known.filter((name) => name !== "" && !packages.includes(name));
  throw new BuildError(
    "the packages inside the agent are not those of packages/agent/deps.txt" +
      (added.length > 0 ? `; new: ${added.join(", ")}` : "") +
      (gone.length > 0 ? `; gone: ${gone.join(", ")}` : "") +
      ". If that is wanted: npm run build -w packages/agent -- --update, and commit the file.",
  );
}
