import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * A package of the agent without files in it, made by `wixl -a x64` as version 1.4.0, with something changed in it. What
 * is put in place of something else is as long as that.
 */
export function sampleMsi({
  version = "1.4.0",
  replace = {},
}: {
  readonly version?: string;
  readonly replace?: Readonly<Record<string, string>>;
} = {}): Buffer {
  const text = readFileSync(join(import.meta.dirname, "sample-1.4.0.msi")).toString("latin1");
  const changes = Object.entries({ "1.4.0": version, ...replace });
  const changed = changes.reduce((before, [from, to]) => {
    if (from.length !== to.length) throw new Error(`"${to}" is not as long as "${from}"`);
    return before.replaceAll(from, to);
  }, text);
  return Buffer.from(changed, "latin1");
}
