import { randomBytes, randomUUID } from "node:crypto";
import {
  type Platform,
  parseArguments,
  runCommand,
  type ServicePorts,
  ServiceUnreachable,
  startService,
  UsageError,
} from "@postern/agent";
import type { Facts } from "@postern/protocol";
import { createLink } from "./link.ts";
import { memoryDisk } from "./memory-disk.ts";
import { type LayerName, memoryGuard } from "./memory-guard.ts";

/** The machine that is simulated, as its agent reports it. */
export type Workload = Facts;

/** What somebody who types a command at the machine gets to see. */
export interface Printed {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

/**
 * The real agent on a machine that does not exist: its disk is memory, its guard only remembers, and its way to the
 * cluster is real and can be cut.
 */
export interface SimulatedAgent {
  readonly workload: Workload;
  /**
   * Runs one command of the agent's command line, as an administrator of the machine would, without the program's name:
   * `["-unprotect", "-file", "token.txt"]`.
   *
   * @param input what comes on standard input
   */
  command(argv: readonly string[], input?: string): Promise<Printed>;
  /** Ends the service, if it runs. The machine keeps its disk. */
  stop(): Promise<void>;
  /** Starts the service, if it does not run. */
  start(): Promise<void>;
  isRunning(): boolean;
  /** Whether the service would accept to be stopped by somebody on the machine; {@link stop} does not ask. */
  isStoppable(): boolean;
  /** Pulls the machine's cable. */
  cut(): void;
  mend(): void;
  isCut(): boolean;
  /** The machine gets another name, which its agent reports with its next check-in. */
  rename(hostName: string): void;
  /** A layer of the guard cannot be set any more. */
  breakLayer(name: LayerName, why: string): void;
}

/** Starts the service on a new machine, on which nothing has enrolled yet. `tell` gets a line for what happens there. */
export async function startSimulatedAgent(workload: Workload, tell: (line: string) => void): Promise<SimulatedAgent> {
  let facts = workload;
  const link = createLink();
  const guard = memoryGuard(workload.platform === "windows", (protection) =>
    tell(`service protection is ${protection}`),
  );
  let answer: ((request: string) => Promise<string>) | undefined;
  const platform: Platform = {
    name: workload.platform,
    guard,
    listener: {
      async listen(serve) {
        answer = serve;
        return {
          async close() {
            answer = undefined;
          },
        };
      },
    },
    async send(request) {
      if (answer === undefined) throw new ServiceUnreachable("the service is not running");
      return answer(request);
    },
    host: { run: () => Promise.reject(new Error("no host")), setStoppable() {} },
    folders: { data: "/agent" },
    isElevated: () => true,
  };
  const ports: ServicePorts = {
    platform,
    fs: memoryDisk(),
    clock: { systemNow: () => Date.now(), interruptMs: () => upSinceMs + Math.round(performance.now()) },
    agentVersion: workload.agentVersion,
    builtAtMs: 0,
    newId: randomUUID,
    randomBytes,
    random: () => Math.random() * soonerBy,
    log: tell,
    facts: () => facts,
    exchangeWith: link.exchangeWith,
  };
  let service: Awaited<ReturnType<typeof startService>> | undefined = await startService(ports);

  return {
    get workload() {
      return facts;
    },
    command: (argv, input = "") => typed(argv, input, platform),
    async stop() {
      const ending = service;
      service = undefined;
      await ending?.onStop("stop");
    },
    async start() {
      service ??= await startService(ports);
    },
    isRunning: () => service !== undefined,
    isStoppable: guard.isStoppable,
    cut: link.cut,
    mend: link.mend,
    isCut: link.isCut,
    rename(hostName) {
      facts = { ...facts, hostName };
    },
    breakLayer: (name, why) => guard.breakLayer(name, why),
  };
}

/** Simulated machines have been running for a while. */
const upSinceMs = 86_400_000;

/** Agents spread their pauses over up to a minute; who watches some of them does not want to wait that long. */
const soonerBy = 0.1;

/** As the program does it around `runCommand`. */
async function typed(argv: readonly string[], input: string, platform: Platform): Promise<Printed> {
  let out = "";
  let err = "";
  const terminal = {
    out(text: string) {
      out += text;
    },
    err(text: string) {
      err += text;
    },
    readInput: (maxBytes: number) => Buffer.from(input).subarray(0, maxBytes),
  };
  try {
    const invocation = parseArguments(argv);
    if (invocation.run === "service") throw new UsageError("The service of a simulated agent is started by the fleet.");
    const exitCode = await runCommand(invocation, () => platform, terminal);
    return { exitCode, out, err };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { exitCode: 2, out, err: `${err}usage: ${error.message}\n` };
  }
}
