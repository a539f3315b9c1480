import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { agentFolder, distFolder } from "../../packages/agent/build/agent.ts";
import { installRuntime } from "../../packages/agent/build/runtime.ts";

/** The executable as it is shipped, and the folder of the one whose environment variables were left in force. */
export const shippedFolder = distFolder;
export const unpatchedFolder = join(distFolder, "unpatched");

/** Builds both before the first test; at once when neither the agent nor its build has changed. */
export async function setup(): Promise<void> {
  installRuntime(join(agentFolder, "windows-runtime"));
  // A process for each: there is a core for each, and one would build them one after the other.
  await Promise.all([build(), build("--unpatched")]);
}

async function build(...flags: readonly string[]): Promise<void> {
  await promisify(execFile)(process.execPath, [join(agentFolder, "build", "build.ts"), ...flags]);
}
