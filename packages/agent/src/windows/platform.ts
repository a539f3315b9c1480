import type { Platform } from "../ports.ts";
import { nodeFileSystem } from "../store/file-system.ts";
import { windowsEventLog } from "./event-log.ts";
import { dataFolder } from "./folders.ts";
import { windowsGuard } from "./guard.ts";
import { windowsInstaller } from "./installer.ts";
import { lazy } from "./native.ts";
import { guardingOthers, windowsOtherServices } from "./other-services/guarding-others.ts";
import { packageInstaller } from "./package-installer.ts";
import { pipeClient } from "./pipe-client.ts";
import { pipeServer } from "./pipe-server.ts";
import { stringValue } from "./registry.ts";
import { tokenHolds } from "./security.ts";
import { pipeDescriptor } from "./security-descriptors.ts";
import { windowsServiceHost } from "./service-host.ts";
import { pipeName, serviceName } from "./service-name.ts";

const administrators = "S-1-5-32-544";

/** Everything the agent needs of Windows. Nothing native is loaded before one of its parts is used. */
export function windowsPlatform(): Platform {
  const host = windowsServiceHost(serviceName);
  const guard = lazy(() =>
    guardingOthers(
      windowsGuard({ serviceName, executable: process.execPath, dataFolder }, host.setStoppable),
      windowsOtherServices(serviceName, nodeFileSystem, dataFolder),
    ),
  );
  return {
    name: "windows",
    // Made when first asked for, in the service's process: it reads that process's descriptor, which others do not need.
    get guard() {
      return guard();
    },
    listener: pipeServer(pipeName, pipeDescriptor),
    send: pipeClient(pipeName, serviceName),
    host,
    isElevated: () => tokenHolds(administrators),
    folders: { data: dataFolder },
    eventLog: windowsEventLog(serviceName),
    machineId: () => stringValue("SOFTWARE\\Microsoft\\Cryptography", "MachineGuid"),
    installer: windowsInstaller(serviceName, dataFolder),
    packages: packageInstaller,
  };
}
