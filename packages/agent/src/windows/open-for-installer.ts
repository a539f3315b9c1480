import type { WantedGuard } from "./wanted-guard.ts";

/**
 * The armed guard with one way open: on it Windows Installer, which is SYSTEM, stops the service, sets it up anew, and
 * may have to leave a file to the next start of Windows. Administrators are given nothing by it.
 */
export function openForInstaller(armed: WantedGuard): WantedGuard {
  const { acceptedControls, serviceDescriptor, cleanRegistry } = armed;
  return {
    ...armed,
    acceptedControls: [...acceptedControls, "stop"],
    serviceDescriptor: serviceDescriptor.replace(/\(A;;[^;]*;;;SY\)/, "(A;;0xF01FF;;;SY)"),
    cleanRegistry: cleanRegistry && {
      ...cleanRegistry,
      pendingRenames: { ...cleanRegistry.pendingRenames, values: [] },
    },
  };
}
