// Simulated agents for demos and load.

export { EnrolmentRefused, type FleetOptions, startFleet, stopAll } from "./fleet.ts";
export { type LayerName, layerNames } from "./memory-guard.ts";
export { type Printed, type SimulatedAgent, startSimulatedAgent, type Workload } from "./simulated-agent.ts";
export { machineId, workload } from "./workloads.ts";
