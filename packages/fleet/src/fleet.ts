import { type SimulatedAgent, startSimulatedAgent, type Workload } from "./simulated-agent.ts";

/** Enrolments under way at once: a cluster takes them one after the other anyway. */
const enrolTogether = 8;

export interface FleetOptions {
  /** The cluster's address. */
  readonly cluster: string;
  /** An activation key with a use for each of the machines. */
  readonly key: string;
  readonly workloads: readonly Workload[];
  /** Gets a line for what happens on a machine. */
  tell(hostName: string, line: string): void;
}

/** A machine could not be enrolled; the message is what the agent's command line printed. */
export class EnrolmentRefused extends Error {
  override readonly name = "EnrolmentRefused";
}

/**
 * Starts simulated agents and enrols them.
 *
 * @throws {EnrolmentRefused} one was not enrolled; all are stopped again
 */
export async function startFleet({ cluster, key, workloads, tell }: FleetOptions): Promise<SimulatedAgent[]> {
  const started: SimulatedAgent[] = [];
  const waiting = workloads.entries();
  async function enrolSome(): Promise<void> {
    for (const [index, workload] of waiting) {
      const agent = await startSimulatedAgent(workload, (line) => tell(workload.hostName, line));
      started[index] = agent;
      const { exitCode, err } = await agent.command(["-enroll", "-cluster", cluster, "-key", "-"], key);
      if (exitCode !== 0) throw new EnrolmentRefused(`${workload.hostName}: ${err.trim()}`);
    }
  }
  try {
    await Promise.all(Array.from({ length: enrolTogether }, enrolSome));
    return started;
  } catch (error) {
    await stopAll(started);
    throw error;
  }
}

export async function stopAll(agents: readonly (SimulatedAgent | undefined)[]): Promise<void> {
  await Promise.all(agents.map((agent) => agent?.stop()));
}
