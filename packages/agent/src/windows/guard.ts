import { isDeepStrictEqual } from "node:util";
import type { Guard } from "../ports.ts";
import { clean, keysToWatch, uncleanIn } from "./clean-registry.ts";
import { descriptorDrift, sameDacl } from "./descriptor-text.ts";
import { eventSourceDrift, registerEventSource } from "./event-source.ts";
import { folderLayer } from "./folder-layer.ts";
import { kernel32 } from "./kernel32.ts";
import { keyLayer } from "./key-layer.ts";
import { type Layer, layeredGuard } from "./layered-guard.ts";
import { openForInstaller } from "./open-for-installer.ts";
import { enableTakingOwnership } from "./ownership.ts";
import { watchKey } from "./registry.ts";
import { descriptorAsWritten, descriptorOfObject, securedObjects, setProcessSecurity, tokenHolds } from "./security.ts";
import { serviceSid } from "./security-descriptors.ts";
import { readRecovery, readServiceConfig, writeRecovery, writeServiceConfig } from "./service-config.ts";
import { requestServiceSid, serviceDescriptor, serviceKey, setServiceSecurity } from "./service-control.ts";
import { type Recovery, type ServiceConfig, type WantedGuard, wantedGuard } from "./wanted-guard.ts";

const systemSid = "S-1-5-18";

/**
 * The guard of our own service on Windows.
 *
 * Create it while the process still has the descriptor it started with: that is what lifting gives back.
 * `acceptStop` is the service host's, see `ServiceHost.setStoppable`.
 */
export function windowsGuard(
  { serviceName, executable, dataFolder }: { serviceName: string; executable: string; dataFolder: string },
  acceptStop: (accepted: boolean) => void,
): Guard {
  const ourSid = serviceSid(serviceName);
  try {
    enableTakingOwnership();
  } catch {
    // What we are shut out of stays as it is, and its layer says so.
  }
  const facts = {
    serviceName,
    serviceSid: ourSid,
    holdsServiceSid: tokenHolds(ourSid),
    runsAsSystem: tokenHolds(systemSid),
    ordinaryProcess: ownProcess(),
    executable,
    dataFolder,
  };
  const key = serviceKey(serviceName);
  const [on, off] = [wantedGuard(true, facts), wantedGuard(false, facts)];
  /** As the guard was last armed: closed, or with the installer's way open. */
  let armedAs = on;
  const wanted = (armed: boolean): WantedGuard => (armed ? armedAs : off);
  const layers: readonly Layer[] = [
    {
      name: "acceptedControls",
      set: (armed) => acceptStop(wanted(armed).acceptedControls.includes("stop")),
      // What is accepted is told by this process and nobody else.
      drifted: () => undefined,
    },
    // Before the doors are closed through which they go. Only where they are not as wanted: each is a write to the disk.
    {
      name: "serviceConfig",
      set(armed) {
        const { serviceConfig } = wanted(armed);
        if (serviceConfig && configDrift(serviceConfig, readServiceConfig(serviceName)))
          writeServiceConfig(serviceName, serviceConfig);
      },
      drifted: () => on.serviceConfig && configDrift(on.serviceConfig, readServiceConfig(serviceName)),
    },
    {
      name: "recovery",
      set: (armed) => setRecoveryLayer(serviceName, armed, wanted(armed).recovery, on.recovery),
      drifted: () => (isDeepStrictEqual(readRecovery(serviceName), on.recovery) ? undefined : "recovery settings"),
      changedInLift() {
        const recovery = readRecovery(serviceName);
        return [on, off].some((one) => isDeepStrictEqual(recovery, one.recovery)) ? undefined : "recovery settings";
      },
    },
    {
      name: "serviceDacl",
      set(armed) {
        setServiceLayer(serviceName, armed, wanted(armed).serviceDescriptor);
        if (serviceDrift(serviceName, wanted(armed).serviceDescriptor))
          throw new Error("the service manager does not keep the descriptor");
      },
      drifted: () => serviceDrift(serviceName, armedAs.serviceDescriptor),
      changedInLift: () =>
        serviceDrift(serviceName, on.serviceDescriptor) && serviceDrift(serviceName, off.serviceDescriptor),
    },
    { name: "serviceKeyDacl", ...keyLayer(key, { on: on.serviceKeyDescriptor, off: off.serviceKeyDescriptor }) },
    {
      name: "processDacl",
      set: (armed) => setProcessSecurity(kernel32().GetCurrentProcess(), wanted(armed).processDescriptor),
      drifted: () => descriptorDrift(ownProcess(), descriptorAsWritten(on.processDescriptor)),
      changedInLift: () =>
        [on, off].some((one) => sameDacl(ownProcess(), descriptorAsWritten(one.processDescriptor)))
          ? undefined
          : "descriptor",
    },
    { name: "files", ...folderLayer((armed) => wanted(armed).folders) },
    {
      name: "cleanRegistry",
      set(armed) {
        const { cleanRegistry } = wanted(armed);
        if (cleanRegistry) clean(cleanRegistry);
      },
      drifted: () => armedAs.cleanRegistry && uncleanIn(armedAs.cleanRegistry),
    },
    {
      name: "eventSource",
      set(armed) {
        const { eventSource } = wanted(armed);
        if (eventSource && eventSourceDrift(eventSource)) registerEventSource(eventSource);
      },
      drifted: () => on.eventSource && eventSourceDrift(on.eventSource),
    },
  ];
  const keys = [
    key,
    ...(on.cleanRegistry ? keysToWatch(on.cleanRegistry) : []),
    ...(on.eventSource ? [on.eventSource.key] : []),
  ];
  const guard = layeredGuard(layers, (changed) => watchKeys(keys, changed));
  return {
    ...guard,
    arm(others, isOpen = false) {
      armedAs = isOpen ? openForInstaller(on) : on;
      return guard.arm(others);
    },
  };
}

/**
 * The service's descriptor. Its SID type is asked for first, while that is still allowed; where the service manager has
 * none, the descriptor that leaves SYSTEM full access is what is set.
 */
function setServiceLayer(serviceName: string, armed: boolean, sddl: string): void {
  if (armed) {
    try {
      requestServiceSid(serviceName);
    } catch {
      // The descriptor does without the SID until a start that brings it.
    }
  }
  setServiceSecurity(serviceName, sddl);
}

function serviceDrift(serviceName: string, sddl: string): string | undefined {
  return descriptorDrift(serviceDescriptor(serviceName), descriptorAsWritten(sddl));
}

/** Which settings are not as wanted, in any of the places where they stand. */
export function configDrift(wanted: ServiceConfig, actual: readonly Partial<ServiceConfig>[]): string | undefined {
  const names = Object.keys(wanted) as (keyof ServiceConfig)[];
  const changed = names.filter((name) =>
    actual.some((one) => one[name] !== undefined && !isDeepStrictEqual(one[name], wanted[name])),
  );
  return changed.length === 0 ? undefined : changed.join(", ");
}

/** With protection off only what we set is taken back: whatever else is there is the administrator's own. */
function setRecoveryLayer(serviceName: string, armed: boolean, recovery: Recovery, ours: Recovery): void {
  if (isDeepStrictEqual(readRecovery(serviceName), ours) !== armed) writeRecovery(serviceName, recovery);
}

/** A key that is not there cannot be watched; the look from time to time finds what comes up in it. */
function watchKeys(paths: readonly string[], changed: () => void): { close(): void } {
  const watches = paths.flatMap((path) => {
    try {
      return [watchKey(path, changed)];
    } catch {
      return [];
    }
  });
  return {
    close() {
      for (const watch of watches) watch.close();
    },
  };
}

function ownProcess(): string {
  return descriptorOfObject(kernel32().GetCurrentProcess(), securedObjects.kernelObject);
}
