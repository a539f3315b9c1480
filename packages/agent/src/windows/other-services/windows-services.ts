import { realpathSync } from "node:fs";
import { type Handle, koffi, lazy, WindowsError } from "../native.ts";
import { keyOptions, keyRights, keyTree, numberValue, withKey } from "../registry.ts";
import { descriptorOfObject, securedObjects, setKeyDescriptor, setKeySecurity } from "../security.ts";
import { configLevel, queryConfig, queryConfig2, textAt } from "../service-config-calls.ts";
import { serviceKey, serviceRights, setServiceSecurity, withService } from "../service-control.ts";
import { descriptorParts } from "./descriptor-parts.ts";
import { readFailureActions, writeFailureActions } from "./failure-actions.ts";
import type { ServicePort } from "./guard-others.ts";
import { imagePaths, type WindowsFolders } from "./image-paths.ts";
import type { ObjectId, SecuredObject } from "./originals.ts";
import type { PresentService } from "./plan.ts";

const ERROR_ACCESS_DENIED = 5;
const ERROR_INVALID_NAME = 123;
const ERROR_INVALID_LEVEL = 124;
const ERROR_SERVICE_DOES_NOT_EXIST = 1060;
const longestPathChars = 260;

/** Other services of this machine, over Win32. */
export function windowsServices(folders: WindowsFolders): ServicePort {
  return {
    read(name) {
      try {
        return withService(name, serviceRights.queryConfig | serviceRights.readControl, (service) =>
          presentService(name, service, folders),
        );
      } catch (error) {
        if (error instanceof WindowsError && absent.has(error.code)) return undefined;
        throw error;
      }
    },
    set(name, { id, descriptor }) {
      if (id === "service") setService(name, descriptor);
      else setKey(pathOf(name, id), descriptor);
    },
    setFailureActions: writeFailureActions,
  };
}

const absent: ReadonlySet<number> = new Set([ERROR_SERVICE_DOES_NOT_EXIST, ERROR_INVALID_NAME]);

/** Where Windows lies, by the system's own word, and the environment of this process. */
export function windowsFolders(): WindowsFolders {
  const text = Buffer.alloc(2 * longestPathChars);
  const length = kernel32().GetSystemWindowsDirectoryW(text, longestPathChars);
  const windows = text.toString("utf16le", 0, 2 * length);
  if (windows === "") throw new Error("the Windows folder is not known");
  // Node looks names up in any case.
  return { windows, variable: (name) => process.env[name] };
}

function presentService(name: string, service: Handle, folders: WindowsFolders): PresentService {
  const config = queryConfig(service);
  const command = textAt(config.readBigUInt64LE(16));
  const failureActions = readFailureActions(service);
  const self: SecuredObject = { id: "service", descriptor: descriptorOfObject(service, securedObjects.service) };
  return {
    program: {
      type: config.readUInt32LE(0),
      command,
      launchProtected: isLaunchProtected(name, service),
      realPaths: realPathsOf(command, folders),
    },
    objects: [self, ...keysOf(name)],
    ...(failureActions ? { failureActions } : {}),
  };
}

/** By the service manager's word, or the registry's, which counts from the next boot on. */
function isLaunchProtected(name: string, service: Handle): boolean {
  if ((numberValue(serviceKey(name), "LaunchProtected") ?? 0) !== 0) return true;
  try {
    return queryConfig2(service, configLevel.launchProtected).readUInt32LE(0) !== 0;
  } catch (error) {
    // A service manager without protected services.
    if (error instanceof WindowsError && error.code === ERROR_INVALID_LEVEL) return false;
    throw error;
  }
}

function realPathsOf(command: string, folders: WindowsFolders): readonly string[] {
  return (imagePaths(command, folders) ?? []).flatMap((path) =>
    [path, `${path}.exe`].flatMap((one) => {
      try {
        return [realpathSync.native(one)];
      } catch {
        return [];
      }
    }),
  );
}

function keysOf(name: string): readonly SecuredObject[] {
  const root = serviceKey(name);
  return keyTree(root).map((path) => ({
    id: `key${path.slice(root.length)}` as ObjectId,
    descriptor: withKey(
      path,
      keyRights.readControl,
      (key) => descriptorOfObject(key, securedObjects.registryKey),
      keyOptions.openLink,
    ),
  }));
}

/** Not everybody can be made the owner, not even again: so the owner is set only where it is another. */
function setService(name: string, descriptor: string): void {
  const present = withService(name, serviceRights.readControl, (service) =>
    descriptorOfObject(service, securedObjects.service),
  );
  const isOwner = descriptorParts(present).owner === descriptorParts(descriptor).owner;
  setServiceSecurity(name, isOwner ? withoutOwner(descriptor) : descriptor);
}

function setKey(path: string, descriptor: string): void {
  const rights = keyRights.readControl | keyRights.writeDacl;
  try {
    withKey(path, rights | keyRights.writeOwner, (key) => setKeyDescriptor(key, descriptor), keyOptions.openLink);
  } catch (error) {
    if (!(error instanceof WindowsError) || error.code !== ERROR_ACCESS_DENIED) throw error;
    // Whoever keeps the right to its owner to himself keeps the owner.
    withKey(path, rights, (key) => setKeySecurity(key, withoutOwner(descriptor)), keyOptions.openLink);
  }
}

function withoutOwner(descriptor: string): string {
  return descriptor.slice(Math.max(0, descriptor.indexOf("D:")));
}

function pathOf(name: string, id: ObjectId): string {
  return `${serviceKey(name)}${id.slice("key".length)}`;
}

const kernel32 = lazy(() => ({
  GetSystemWindowsDirectoryW: koffi()
    .load("kernel32.dll")
    .func("uint32_t GetSystemWindowsDirectoryW(void *text, uint32_t chars)") as (text: Buffer, chars: number) => number,
}));
