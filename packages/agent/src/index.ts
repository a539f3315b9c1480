// The real agent, for programs that run it on other ports than a machine's: the simulated fleet, and tests.

export { adoptEnrolment, type EnrolledAgent, resumeAgent, type ServicePorts } from "./enrolled-agent.ts";
export { type Enrolment, enrolAt } from "./enrolment.ts";
export * from "./ports.ts";
export { startService } from "./service.ts";
export { type FileSystem, nodeFileSystem } from "./store/file-system.ts";
