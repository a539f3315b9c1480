import { type ChildProcess, spawn } from "node:child_process";
import { posternProgram, type RunningCluster } from "./running-cluster.ts";

/** What a command printed, and how it ended. */
export interface CommandResult {
  /** Null when it was killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `postern` as an operator of this cluster's machine does. `started` gets the process, to kill it. */
export function postern(
  { env }: Pick<RunningCluster, "env">,
  args: readonly string[],
  change: Readonly<Record<string, string>> = {},
  started: (child: ChildProcess) => void = () => {},
): Promise<CommandResult> {
  const child = spawn(process.execPath, [posternProgram, ...args], {
    env: { ...env, ...change },
    stdio: ["ignore", "pipe", "pipe"],
  });
  started(child);
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (chunk: Buffer) => {
      output[name] += chunk.toString();
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, ...output }));
  });
}

/** The same, and fails the test when the command fails. */
export async function posternDone(...args: Parameters<typeof postern>): Promise<CommandResult> {
  const result = await postern(...args);
  if (result.code !== 0) throw new Error(`postern ${args[1].join(" ")} ended with ${result.code}: ${result.stderr}`);
  return result;
}
