import type { Guard, LayerReport, LayerState } from "../ports.ts";
import { kernel32 } from "./kernel32.ts";
import { keyRights, keyTree, withKey } from "./registry.ts";
import { processDacl, setKeySecurity, setProcessSecurity, tokenHolds } from "./security.ts";
import { serviceSid, type WantedDescriptors, wantedDescriptors } from "./security-descriptors.ts";
import { requestServiceSid, setServiceSecurity } from "./service-control.ts";

/** One layer of service protection: sets the whole wanted state each time it is called, and throws when it cannot. */
export interface Layer {
  readonly name: string;
  set(armed: boolean): void;
}

/**
 * The guard of our own service on Windows.
 *
 * Create it while the process still has the descriptor it started with: that is what lifting gives back.
 * `acceptStop` is the service host's, see `ServiceHost.setStoppable`.
 */
export function windowsGuard(serviceName: string, acceptStop: (accepted: boolean) => void): Guard {
  const ourSid = serviceSid(serviceName);
  const facts = {
    serviceSid: ourSid,
    holdsServiceSid: tokenHolds(ourSid),
    ordinaryProcess: processDacl(kernel32().GetCurrentProcess()),
  };
  const wanted = (armed: boolean): WantedDescriptors => wantedDescriptors(armed, facts);
  return layeredGuard([
    { name: "acceptedControls", set: (armed) => acceptStop(!armed) },
    { name: "serviceDacl", set: (armed) => setServiceLayer(serviceName, armed, wanted(armed).service) },
    { name: "serviceKeyDacl", set: (armed) => setKeyLayer(serviceName, wanted(armed).serviceKey) },
    { name: "processDacl", set: (armed) => setProcessSecurity(kernel32().GetCurrentProcess(), wanted(armed).process) },
  ]);
}

/** A guard of these layers, set in their order; one that fails is reported and stops no other. */
export function layeredGuard(layers: readonly Layer[]): Guard {
  const setAll = (armed: boolean): LayerReport =>
    Object.fromEntries(layers.map((layer) => [layer.name, setOne(layer, armed)]));
  return { supported: true, arm: () => setAll(true), disarm: () => setAll(false) };
}

function setOne(layer: Layer, armed: boolean): LayerState {
  try {
    layer.set(armed);
    return armed ? "on" : "off";
  } catch (error) {
    return `failed: ${error instanceof Error ? error.message : String(error)}`;
  }
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

/** The service's key and all beneath it, each by itself: a key that is protected already inherits nothing. */
function setKeyLayer(serviceName: string, sddl: string): void {
  const rights = keyRights.readControl | keyRights.writeDacl;
  for (const path of keyTree(`SYSTEM\\CurrentControlSet\\Services\\${serviceName}`))
    withKey(path, rights, (key) => setKeySecurity(key, sddl));
}
