import { descriptorDrift, inheritsAll, isClosed, opened } from "./descriptor-text.ts";
import type { Layer } from "./layered-guard.ts";
import type { Handle } from "./native.ts";
import { withOwnership } from "./ownership.ts";
import { keyRights, keyTree, withKey } from "./registry.ts";
import { descriptorAsWritten, descriptorOfObject, securedObjects, setKeySecurity } from "./security.ts";

/** The layer of the service's registry key and of all keys beneath it. Each descriptor is SDDL. */
export function keyLayer(key: string, descriptors: { readonly on: string; readonly off: string }): Omit<Layer, "name"> {
  // Wine's registry forgets that a descriptor is closed to what the parent gives; what it keeps is looked after there.
  let keepsClosed = true;

  return {
    set(armed) {
      setTree(key, armed ? descriptors.on : descriptors.off);
      if (!armed) return;
      keepsClosed = isClosed(descriptorOf(key));
      if (drifted() !== undefined) throw new Error("the registry does not keep the descriptor");
    },
    drifted,
    // Lifted, the key has what its parent gives, whatever that is; anything of its own somebody else has given it.
    changedInLift: () => drifted() && firstIn(key, (actual) => (inheritsAll(actual) ? undefined : "descriptor")),
  };

  function drifted(): string | undefined {
    const wanted = descriptorAsWritten(descriptors.on);
    const comparable = keepsClosed ? wanted : opened(wanted);
    return firstIn(key, (actual) => descriptorDrift(actual, comparable));
  }
}

/** Each key by itself, since one that is closed inherits nothing; and before those in it: somebody may have shut us out. */
function setTree(key: string, sddl: string): void {
  setOne(key, sddl);
  for (const path of keyTree(key).slice(1)) setOne(path, sddl);
}

function setOne(path: string, sddl: string): void {
  const open = (rights: number, use: (opened: Handle) => void): void => withKey(path, rights, use);
  withOwnership(securedObjects.registryKey, sddl, open, (opened) => setKeySecurity(opened, sddl));
}

/** Which key of the tree is the first that has something, and what. */
function firstIn(key: string, driftOf: (descriptor: string) => string | undefined): string | undefined {
  for (const path of keyTree(key)) {
    const found = driftOf(descriptorOf(path));
    if (found !== undefined) return `${found} of ${path.slice(path.lastIndexOf("\\") + 1)}`;
  }
  return undefined;
}

function descriptorOf(path: string): string {
  return withKey(path, keyRights.readControl, (opened) => descriptorOfObject(opened, securedObjects.registryKey));
}
