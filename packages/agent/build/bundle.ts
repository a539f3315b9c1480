import { existsSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { BuildError } from "./dependencies.ts";

/**
 * Bundles the agent into the one CommonJS script that a single executable application takes, and names the packages
 * that went in, sorted. koffi is not among them: its native half is loaded from beside the executable.
 *
 * @throws {BuildError} when the entry is missing or does not bundle
 */
export async function bundle(entry: string): Promise<{ code: string; packages: string[] }> {
  if (!existsSync(entry)) throw new BuildError(`${entry} does not exist`);
  const result = await build({
    entryPoints: [entry],
    // The paths of the list below start here, wherever the build was called from.
    absWorkingDir: join(import.meta.dirname, "../../.."),
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    target: "node22",
    format: "cjs",
    legalComments: "inline",
    // Kept in memory for as long as the agent runs. Lines stay short enough for a stack trace to say where it was.
    minifyWhitespace: true,
    lineLimit: 120,
    logLevel: "silent",
  }).catch((error: unknown) => {
    throw new BuildError(`the agent does not bundle: ${error instanceof Error ? error.message : String(error)}`);
  });
  const [output] = result.outputFiles;
  if (output === undefined) throw new BuildError("the bundler made no file");
  return { code: output.text, packages: packagesOf(Object.keys(result.metafile.inputs)) };
}

/** The package of each bundled file: the last `node_modules` folder of its path, or the part of this project. */
export function packagesOf(paths: readonly string[]): string[] {
  const names = new Set<string>();
  for (const path of paths) {
    const installed = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
    const own = /(?:^|\/)packages\/([^/]+)\//.exec(path)?.[1];
    if (installed !== undefined) names.add(installed);
    else if (own !== undefined && own !== "agent") names.add(`@postern/${own}`);
  }
  return [...names].sort();
}
