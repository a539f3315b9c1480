import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { bundle } from "./bundle.ts";
import { makeExecutable } from "./executable.ts";
import { isUpToDate, rememberInputs } from "./inputs.ts";
import { withoutSignature, withSectionsOnPages } from "./portable-executable.ts";
import { installRuntime } from "./runtime.ts";

export interface BuildOptions {
  readonly entry: string;
  readonly out: string;
  readonly neutralised: boolean;
  /** Left out: that of package.json. */
  readonly version?: string;
}

export const agentFolder = dirname(import.meta.dirname);

/** Where the build puts its output unless told otherwise. */
export const distFolder = join(agentFolder, "dist");

/**
 * Makes the executable and `koffi.node` in `options.out`; does nothing when neither its inputs nor its output changed.
 * Resolves to the names of the packages that the bundle holds.
 *
 * @throws {BuildError} with a sentence for the person who builds
 */
export async function build(options: BuildOptions): Promise<string[]> {
  const runtime = installRuntime(join(agentFolder, "windows-runtime"));
  const { code, packages } = await bundle(options.entry);
  mkdirSync(options.out, { recursive: true });
  const executable = join(options.out, "PosternAgent.exe");
  const addon = join(options.out, "koffi.node");
  const version = options.version ?? manifest.version;
  const inputs = { code: `${version}\n${code}`, options, runtime, outputs: [executable, addon] };
  if (isUpToDate(options.out, inputs)) return packages;
  await makeExecutable({ code, version, runtime, executable, neutralised: options.neutralised, agentFolder });
  writeFileSync(addon, withSectionsOnPages(withoutSignature(readFileSync(runtime.addon))));
  rememberInputs(options.out, inputs);
  return packages;
}
