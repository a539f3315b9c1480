import { join } from "node:path";
import { agentFolder, build, distFolder } from "../../packages/agent/build/agent.ts";

/** The executable as it is shipped, and the folder of the one whose environment variables were left in force. */
export const shippedFolder = distFolder;
export const unpatchedFolder = join(distFolder, "unpatched");

/** Builds both before the first test; at once when neither the agent nor its build has changed. */
export async function setup(): Promise<void> {
  const entry = join(agentFolder, "src", "main.ts");
  await Promise.all([
    build({ entry, out: shippedFolder, neutralised: true }),
    build({ entry, out: unpatchedFolder, neutralised: false }),
  ]);
}
