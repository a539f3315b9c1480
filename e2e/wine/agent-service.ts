import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../steps.ts";
import type { Finished, RunOptions, WindowsMachine } from "../windows-machine.ts";

const serviceName = "PosternAgent";
const executable = "C:\\Program Files\\Postern\\PosternAgent.exe";

/** The agent as it is installed on a machine. */
export interface AgentService {
  /** The agent's command line. */
  command(args: readonly string[], options?: RunOptions): Promise<Finished>;
  /** `sc` with the service's name: start, stop, delete. */
  sc(verb: string, ...rest: readonly string[]): Promise<Finished>;
  /** Starts the service and waits until it runs. */
  start(): Promise<void>;
  isRunning(): Promise<boolean>;
  /** Wait until the service manager says so. */
  running(): Promise<void>;
  stopped(): Promise<void>;
}

/** Installs by hand: the two files of `folder`, and the service. */
export async function installAgent(machine: WindowsMachine, folder: string): Promise<AgentService> {
  const program = join(machine.driveC, "Program Files", "Postern");
  mkdirSync(program, { recursive: true });
  for (const file of ["PosternAgent.exe", "koffi.node"]) copyFileSync(join(folder, file), join(program, file));
  const created = await machine.run("sc", [
    "create",
    serviceName,
    "binPath=",
    `"${executable}" -service`,
    "start=",
    "auto",
  ]);
  if (created.code !== 0) throw new Error(`sc create: ${created.stdout}`);
  return installedAgent(machine);
}

/** The agent that is installed on a machine already. */
export function installedAgent(machine: WindowsMachine): AgentService {
  const sc = (verb: string, ...rest: readonly string[]): Promise<Finished> =>
    machine.run("sc", [verb, serviceName, ...rest]);
  const state = async (): Promise<string> => /STATE\s*:\s*\d+\s+(\w+)/.exec((await sc("query")).stdout)?.[1] ?? "";
  const reached = async (wanted: string): Promise<void> => {
    await eventually(`the service is ${wanted}`, 20_000, async () => (await state()) === wanted || undefined);
  };
  return {
    command: (args, options) => machine.run(executable, args, options),
    sc,
    async start() {
      await sc("start");
      await reached("RUNNING");
    },
    isRunning: async () => (await state()) === "RUNNING",
    running: () => reached("RUNNING"),
    stopped: () => reached("STOPPED"),
  };
}
