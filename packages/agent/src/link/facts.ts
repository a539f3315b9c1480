import { arch, hostname, networkInterfaces, release, version } from "node:os";
import { type Facts, maxAddresses } from "@postern/protocol";
import type { Platform } from "../ports.ts";

const maxTextChars = 255;
const maxAddressChars = 64;

/** What this workload says of itself. Whoever administers it can make it say anything. */
export function collectFacts(
  platform: Pick<Platform, "name" | "machineId">,
  agentVersion: string,
  interfaces: typeof networkInterfaces = networkInterfaces,
): Facts {
  const addresses = Object.values(orNone(interfaces))
    .flatMap((interfaces) => interfaces ?? [])
    .filter((address) => !address.internal && address.address.length <= maxAddressChars)
    .map(({ address }) => address);
  return {
    hostName: text(hostname()),
    platform: platform.name,
    osVersion: text(`${version()} (${release()})`),
    arch: text(arch()),
    agentVersion: text(agentVersion),
    machineId: text(platform.machineId?.() ?? ""),
    addresses: [...new Set(addresses)].sort().slice(0, maxAddresses),
  };
}

/** A machine that is just starting may have no list of its interfaces yet, and Node then throws. */
function orNone(interfaces: typeof networkInterfaces): ReturnType<typeof networkInterfaces> {
  try {
    return interfaces();
  } catch {
    return {};
  }
}

/** Text as the schema takes it; a check-in must not fail because somebody gave this machine a curious name. */
function text(value: string): string {
  const plain = value
    .replace(/\p{Cc}/gu, " ")
    .trim()
    .slice(0, maxTextChars);
  return plain.toWellFormed() || "unknown";
}
