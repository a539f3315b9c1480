/**
 * The guard of other services in a process of its own, which can be made to end at any change. Runs on Windows' Node
 * beside koffi, and prints one line of JSON:
 *
 * - `show NAME`: what there is of a service
 * - `change FILE NAME ID DESCRIPTOR`: gives a part of it that descriptor, and makes the file when that is done
 * - `arm AT FOLDER NAME`: guards the service, and ends without a word before change number AT
 * - `disarm AT FOLDER NAME`: guards it, and ends so while it gives it back
 * - `recover FOLDER NAME`: gives it back in a process of its own, and shows it
 */
import { writeFileSync } from "node:fs";
import { nodeFileSystem } from "../../packages/agent/src/store/file-system.ts";
import { koffi } from "../../packages/agent/src/windows/native.ts";
import type { OtherServices, ServicePort } from "../../packages/agent/src/windows/other-services/guard-others.ts";
import { windowsOtherServices } from "../../packages/agent/src/windows/other-services/guarding-others.ts";
import type { ObjectId } from "../../packages/agent/src/windows/other-services/originals.ts";
import { windowsFolders, windowsServices } from "../../packages/agent/src/windows/other-services/windows-services.ts";
import { deleteKey } from "../../packages/agent/src/windows/registry.ts";
import { serviceKey } from "../../packages/agent/src/windows/service-control.ts";
import { serviceName } from "../../packages/agent/src/windows/service-name.ts";

const HKEY_LOCAL_MACHINE = -2147483646;
const REG_SZ = 1;

const [command = "", ...words] = process.argv.slice(2);
const services = windowsServices(windowsFolders());
console.log(JSON.stringify(perform(command, words)));

function perform(what: string, [first = "", second = "", ...rest]: readonly string[]): unknown {
  if (what === "show") return services.read(first);
  if (what === "change") {
    const [id = "service", descriptor = ""] = rest;
    services.set(second, { id: id as ObjectId, descriptor });
    if (id !== "service") beNoticed(`${serviceKey(second)}${id.slice("key".length)}\\Passing`);
    writeFileSync(first, "done");
    return {};
  }
  if (what === "recover") {
    othersIn(first, services).disarm(undefined);
    return services.read(second);
  }
  let left = what === "arm" ? Number(first) : Number.POSITIVE_INFINITY;
  const others = othersIn(
    second,
    ending(() => left-- === 0),
  );
  others.arm(rest);
  left = Number(first);
  others.disarm(undefined);
  return {};
}

function othersIn(folder: string, port: ServicePort): OtherServices {
  return windowsOtherServices(serviceName, nodeFileSystem, folder, port);
}

function ending(isTime: () => boolean): ServicePort {
  const step = (change: () => void): void => {
    if (isTime()) process.exit(9);
    change();
  };
  return {
    ...services,
    set: (name, object) => step(() => services.set(name, object)),
    setFailureActions: (name, actions) => step(() => services.setFailureActions(name, actions)),
  };
}

/** Wine does not tell of a descriptor that was changed; of a key that comes and goes it does. */
function beNoticed(path: string): void {
  const RegSetKeyValueW = koffi()
    .load("advapi32.dll")
    .func(
      "int32_t RegSetKeyValueW(intptr_t parent, str16 path, str16 name, uint32_t type, void *data, uint32_t bytes)",
    );
  if (RegSetKeyValueW(HKEY_LOCAL_MACHINE, path, "", REG_SZ, Buffer.alloc(2), 2) === 0) deleteKey(path);
}
