import { isDeepStrictEqual } from "node:util";
import type { Guard } from "../ports.ts";
import { clean, keysToWatch, uncleanIn } from "./clean-registry.ts";
import { sameDacl } from "./descriptor-text.ts";
import { folderLayer } from "./folder-layer.ts";
import { kernel32 } from "./kernel32.ts";
import { type Layer, layeredGuard } from "./layered-guard.ts";
import { keyRights, keyTree, watchKey, withKey } from "./registry.ts";
import {
  daclAsWritten,
  daclOfObject,
  securedObjects,
  setKeySecurity,
  setProcessSecurity,
  tokenHolds,
} from "./security.ts";
import { serviceSid } from "./security-descriptors.ts";
import { readRecovery, readServiceConfig, writeRecovery, writeServiceConfig } from "./service-config.ts";
import { requestServiceSid, serviceDacl, serviceKey, setServiceSecurity } from "./service-control.ts";
import { type Recovery, type ServiceConfig, type WantedGuard, wantedGuard } from "./wanted-guard.ts";

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
  const facts = {
    serviceSid: ourSid,
    holdsServiceSid: tokenHolds(ourSid),
    ordinaryProcess: ownProcessDacl(),
    executable,
    dataFolder,
  };
  const key = serviceKey(serviceName);
  const [on, off] = [wantedGuard(true, facts), wantedGuard(false, facts)];
  const wanted = (armed: boolean): WantedGuard => (armed ? on : off);
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
    },
    {
      name: "serviceDacl",
      set(armed) {
        setServiceLayer(serviceName, armed, wanted(armed).serviceDacl);
        if (armed && serviceDrift(serviceName, on.serviceDacl))
          throw new Error("the service manager does not keep the descriptor");
      },
      drifted: () => serviceDrift(serviceName, on.serviceDacl),
    },
    {
      name: "serviceKeyDacl",
      set: (armed) => setKeyLayer(key, wanted(armed).serviceKeyDacl),
      drifted: () => keyDrift(key, on.serviceKeyDacl),
    },
    {
      name: "processDacl",
      set: (armed) => setProcessSecurity(kernel32().GetCurrentProcess(), wanted(armed).processDacl),
      drifted: () => (sameDacl(ownProcessDacl(), daclAsWritten(on.processDacl)) ? undefined : "descriptor"),
    },
    { name: "files", ...folderLayer((armed) => wanted(armed).folders) },
    {
      name: "cleanRegistry",
      set(armed) {
        const { cleanRegistry } = wanted(armed);
        if (cleanRegistry) clean(cleanRegistry);
      },
      drifted: () => on.cleanRegistry && uncleanIn(on.cleanRegistry),
    },
  ];
  const keys = [key, ...(on.cleanRegistry ? keysToWatch(on.cleanRegistry) : [])];
  return layeredGuard(layers, (changed) => watchKeys(keys, changed));
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
  return sameDacl(serviceDacl(serviceName), daclAsWritten(sddl)) ? undefined : "descriptor";
}

/** The service's key and all beneath it, each by itself: a key that is protected already inherits nothing. */
function setKeyLayer(key: string, sddl: string): void {
  const rights = keyRights.readControl | keyRights.writeDacl;
  for (const path of keyTree(key)) withKey(path, rights, (opened) => setKeySecurity(opened, sddl));
}

function keyDrift(key: string, sddl: string): string | undefined {
  const wanted = daclAsWritten(sddl);
  const changed = keyTree(key).find(
    (path) =>
      !sameDacl(
        withKey(path, keyRights.readControl, (opened) => daclOfObject(opened, securedObjects.registryKey)),
        wanted,
      ),
  );
  return changed === undefined ? undefined : `descriptor of ${changed.slice(changed.lastIndexOf("\\") + 1)}`;
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

function ownProcessDacl(): string {
  return daclOfObject(kernel32().GetCurrentProcess(), securedObjects.kernelObject);
}
