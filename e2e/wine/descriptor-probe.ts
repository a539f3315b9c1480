/** Prints owner and DACL of the service's registry key. Runs on Windows' Node beside koffi. */
import { keyRights, withKey } from "../../packages/agent/src/windows/registry.ts";
import { descriptorOfObject, securedObjects } from "../../packages/agent/src/windows/security.ts";
import { serviceKey } from "../../packages/agent/src/windows/service-control.ts";
import { serviceName } from "../../packages/agent/src/windows/service-name.ts";

console.log(
  withKey(serviceKey(serviceName), keyRights.readControl, (key) => descriptorOfObject(key, securedObjects.registryKey)),
);
