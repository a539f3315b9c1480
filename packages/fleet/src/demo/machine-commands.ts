import type { Printed, SimulatedAgent } from "../simulated-agent.ts";
import { startSimulatedAgent, type Workload } from "../simulated-agent.ts";
import { machineId } from "../workloads.ts";
import type { ControlRequest } from "./control.ts";
import type { Company } from "./furnish.ts";
import { statusOf } from "./machine-status.ts";

export const machineHelp = `Commands for the machines of the demo that runs, from another terminal:

  npm run -s demo -- list                 the machines, and how each of them is
  npm run -s demo -- at HOST ARGUMENTS    what an administrator types there after PosternAgent.exe
  npm run -s demo -- stop HOST            sc stop PosternAgent: refused while the agent is protected
  npm run -s demo -- start HOST           sc start PosternAgent
  npm run -s demo -- cut HOST             pull its network cable
  npm run -s demo -- mend HOST            plug it in again
  npm run -s demo -- new HOST < KEY       a new Windows machine that enrols with this activation key
`;

const usage = 2;
const refused = 3;

/** Does what somebody wants of the machines, and gives what he gets to see. */
export async function performMachineCommand(
  { argv: [command = "", host = "", ...rest], input }: ControlRequest,
  { machines, tenantName }: Company,
  cluster: { readonly url: string; tell(hostName: string, line: string): void },
): Promise<Printed> {
  if (command === "list") return done(await tableOf(machines));
  if (command === "new") return enrolNew();
  const machine = machines.get(host.toUpperCase());
  if (machine === undefined) return failed(usage, `The demo has no machine "${host}"; list shows those it has.`);
  const { agent } = machine;
  const { hostName } = agent.workload;
  switch (command) {
    case "at":
      return agent.command(rest, input);
    case "stop":
      return stop(agent);
    case "start":
      await agent.start();
      return done(`The service on ${hostName} runs.\n`);
    case "cut":
      agent.cut();
      return done(`${hostName} is cut off from its cluster.\n`);
    case "mend":
      agent.mend();
      return done(`${hostName} reaches its cluster again.\n`);
    default:
      return failed(usage, `There is no command "${command}".\n${machineHelp}`);
  }

  async function enrolNew(): Promise<Printed> {
    if (!/^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/.test(host)) return failed(usage, "Give the new machine a host name.");
    if (machines.has(host.toUpperCase())) return failed(usage, `The demo has a machine ${host} already.`);
    const workload: Workload = {
      hostName: host,
      platform: "windows",
      osVersion: "Windows 11 Enterprise (10.0.26100)",
      arch: "x64",
      agentVersion: "0.1.0",
      machineId: machineId(host),
      addresses: ["10.20.8.200"],
    };
    const agent = await startSimulatedAgent(workload, (line) => cluster.tell(host, line));
    const printed = await agent.command(["-enroll", "-cluster", cluster.url, "-key", "-"], input);
    if (printed.exitCode !== 0) await agent.stop();
    else machines.set(host.toUpperCase(), { tenant: tenantName((await statusOf(agent)).tenantId), agent });
    return printed;
  }
}

async function stop(agent: SimulatedAgent): Promise<Printed> {
  const { hostName, platform } = agent.workload;
  if (!agent.isRunning()) return failed(refused, `The service on ${hostName} does not run.`);
  if (!agent.isStoppable()) {
    const says = "[SC] ControlService FAILED 1052:\n\nThe requested control is not valid for this service.";
    return failed(refused, platform === "windows" ? says : "not stopped");
  }
  await agent.stop();
  return done(`The service on ${hostName} has stopped.\n`);
}

async function tableOf(machines: Company["machines"]): Promise<string> {
  const rows = [["HOST", "TENANT", "PLATFORM", "SERVICE", "NETWORK", "PROTECTION"]];
  for (const { tenant, agent } of machines.values()) {
    const { hostName, platform } = agent.workload;
    const runs = agent.isRunning();
    const { state } = runs ? (await statusOf(agent)).protection : { state: "-" };
    rows.push([hostName, tenant, platform, runs ? "runs" : "stopped", agent.isCut() ? "cut off" : "up", state]);
  }
  return asTable(rows);
}

/** Rows of text in columns, as wide as they need. */
export function asTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

function done(out: string): Printed {
  return { exitCode: 0, out, err: "" };
}

function failed(exitCode: number, err: string): Printed {
  return { exitCode, out: "", err: `${err}\n` };
}
