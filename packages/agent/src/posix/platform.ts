import { accessSync, constants, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Platform } from "../ports.ts";
import { foregroundHost } from "./foreground-host.ts";
import { socketClient, socketListener } from "./socket.ts";

/** Where the service keeps its data unless told otherwise. */
export const defaultDataFolder = "/var/lib/postern-agent";

/**
 * Linux and its relatives. Service protection does not exist here: there is no service manager that could be told to
 * refuse root. The agent enrols, checks in and says so.
 */
export function posixPlatform(dataFolder: string): Platform {
  const socket = join(dataFolder, "agent.sock");
  return {
    name: platformName(),
    guard: {
      supported: false,
      arm: () => ({}),
      disarm: () => ({}),
      restore: () => ({ layers: {}, drifts: [] }),
      watch: () => ({ close() {} }),
    },
    listener: socketListener(socket),
    send: socketClient(socket),
    host: foregroundHost(),
    folders: { data: dataFolder },
    isElevated: () => mayUse(socket),
    machineId,
  };
}

function platformName(): Platform["name"] {
  switch (process.platform) {
    case "darwin":
      return "macos";
    case "aix":
      return "aix";
    case "sunos":
      return "solaris";
    default:
      return "linux";
  }
}

/** The socket's mode is what decides here; one that is not there is a question of the service, not of rights. */
function mayUse(socket: string): boolean {
  try {
    accessSync(socket, constants.W_OK);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "EACCES";
  }
}

/** machine-id(5), which the operating system makes when it is installed. */
function machineId(): string | undefined {
  try {
    return readFileSync("/etc/machine-id", "utf8").trim();
  } catch {
    return undefined;
  }
}
