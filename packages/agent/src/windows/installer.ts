import { dirname } from "node:path";
import type { InstallerPort } from "../ports.ts";
import { nodeFileSystem } from "../store/file-system.ts";
import { isForeignFolder } from "./folder-owner.ts";
import { forgetInstallerEnrolment, noteForInstaller, readInstallerEnrolment } from "./installer-registry.ts";
import { WindowsError } from "./native.ts";
import { windowsOtherServices } from "./other-services/guarding-others.ts";
import { serviceProcessId } from "./service-control.ts";

const ERROR_SERVICE_DOES_NOT_EXIST = 1060;

/** What the agent and its MSI leave for one another. */
export function windowsInstaller(serviceName: string, dataFolder: string): InstallerPort {
  return {
    isServiceRunning() {
      try {
        return serviceProcessId(serviceName) !== 0;
      } catch (error) {
        if (error instanceof WindowsError && error.code === ERROR_SERVICE_DOES_NOT_EXIST) return false;
        throw error;
      }
    },
    note: noteForInstaller,
    foreignFolder: () => [dirname(process.execPath), dataFolder].find(isForeignFolder),
    enrolment: readInstallerEnrolment,
    forgetEnrolment: forgetInstallerEnrolment,
    giveBackServices() {
      const others = windowsOtherServices(serviceName, nodeFileSystem, dataFolder);
      others.disarm(undefined);
      return others.nothingKept();
    },
  };
}
