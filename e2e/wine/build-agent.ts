import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { agentFolder, distFolder } from "../../packages/agent/build/agent.ts";
import { installRuntime } from "../../packages/agent/build/runtime.ts";
import { judge } from "../judge.ts";

/** The executable as it is shipped, and the folder of the one whose environment variables were left in force. */
export const shippedFolder = distFolder;
export const unpatchedFolder = join(distFolder, "unpatched");

/**
 * Builds both before the first test; at once when neither the agent nor its build has changed. On Windows they have to be
 * there: they are built on Linux.
 */
export async function setup(): Promise<void> {
  if (judge === "windows") {
    for (const folder of [shippedFolder, unpatchedFolder])
      if (!existsSync(join(folder, "PosternAgent.exe")))
        throw new Error(`${folder} is empty: bring it from a Linux build`);
    return;
  }
  installRuntime(join(agentFolder, "windows-runtime"));
  // A process for each: there is a core for each, and one would build them one after the other.
  await Promise.all([build(), build("--unpatched")]);
}

async function build(...flags: readonly string[]): Promise<void> {
  await promisify(execFile)(process.execPath, [join(agentFolder, "build", "build.ts"), ...flags]);
}
