// The real agent, for programs that run it on other ports than a machine's: the simulated fleet, and tests.

export { parseArguments, UsageError } from "./cli/arguments.ts";
export { runCommand, type Terminal } from "./cli/run.ts";
export { adoptEnrolment, type EnrolledAgent, resumeAgent, type ServicePorts } from "./enrolled-agent.ts";
export { type Enrolment, enrolAt } from "./enrolment.ts";
export { type Exchange, exchangeWith, NoResponse } from "./link/exchange.ts";
export * from "./ports.ts";
export { startService } from "./service.ts";
export { type FileSystem, nodeFileSystem } from "./store/file-system.ts";
export type { ClusterAddress } from "./store/trust-anchor.ts";
