import Type from "typebox";
import { maxAddresses } from "./limits.ts";
import { reportedText } from "./schemas.ts";

/** The platforms an agent can run on. Service protection exists on `windows` only. */
export const platforms = ["windows", "linux", "macos", "aix", "solaris"] as const;
export type Platform = (typeof platforms)[number];

const Text = reportedText(255);

/** What an agent reports of its workload. The workload's administrator can make it say anything. */
export const Facts = Type.Object({
  hostName: Text,
  platform: Type.Enum(platforms),
  osVersion: Text,
  arch: Text,
  agentVersion: Text,
  machineId: Text,
  addresses: Type.Array(reportedText(64), { maxItems: maxAddresses }),
});
export type Facts = Type.Static<typeof Facts>;
