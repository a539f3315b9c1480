import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BuildOptions } from "./agent.ts";
import type { Runtime } from "./runtime.ts";

interface Inputs {
  readonly code: string;
  readonly options: BuildOptions;
  readonly runtime: Runtime;
  readonly outputs: readonly string[];
}

/** Whether `folder` already holds what these inputs make. */
export function isUpToDate(folder: string, inputs: Inputs): boolean {
  const remembered = join(folder, "inputs.sha256");
  if (!existsSync(remembered) || !inputs.outputs.every((path) => existsSync(path))) return false;
  return readFileSync(remembered, "utf8") === fingerprint(inputs);
}

/** Notes what was built, after it was. */
export function rememberInputs(folder: string, inputs: Inputs): void {
  writeFileSync(join(folder, "inputs.sha256"), fingerprint(inputs));
}

/** The bundle, the pinned runtime, the options, and the build itself. */
function fingerprint({ code, options, runtime }: Inputs): string {
  const hash = createHash("sha256");
  for (const part of [code, runtime.lockfile, String(options.neutralised)]) hash.update(part).update("\0");
  for (const name of readdirSync(import.meta.dirname).sort())
    if (name.endsWith(".ts") && !name.endsWith(".test.ts"))
      hash.update(readFileSync(join(import.meta.dirname, name))).update("\0");
  return hash.digest("hex");
}
