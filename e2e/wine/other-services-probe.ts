/**
 * The guard of other services in a process of its own, which can be made to end at any change. Runs on Windows' Node
 * beside koffi: `show NAME` prints what there is of a service as one line of JSON; `arm AT FOLDER NAME…` and
 * `disarm AT FOLDER` do that and print what became of them, or end without a word before their change number AT.
 */
import { nodeFileSystem } from "../../packages/agent/src/store/file-system.ts";
import type { ServicePort } from "../../packages/agent/src/windows/other-services/guard-others.ts";
import { windowsOtherServices } from "../../packages/agent/src/windows/other-services/guarding-others.ts";
import { windowsFolders, windowsServices } from "../../packages/agent/src/windows/other-services/windows-services.ts";
import { serviceName } from "../../packages/agent/src/windows/service-name.ts";

const [command = "", at = "", folder = "", ...names] = process.argv.slice(2);
const services = windowsServices(windowsFolders());
if (command === "show") {
  console.log(JSON.stringify(services.read(at)));
} else {
  const others = windowsOtherServices(serviceName, nodeFileSystem, folder, endingAt(Number(at)));
  others[command === "arm" ? "arm" : "disarm"](command === "arm" ? names : undefined);
  console.log(JSON.stringify({ services: others.report(), layer: others.layer(), touched: others.touched() }));
}

function endingAt(last: number): ServicePort {
  let changes = 0;
  const step = (change: () => void): void => {
    if (changes++ === last) process.reallyExit(9);
    change();
  };
  return {
    ...services,
    set: (name, object) => step(() => services.set(name, object)),
    setFailureActions: (name, actions) => step(() => services.setFailureActions(name, actions)),
  };
}
