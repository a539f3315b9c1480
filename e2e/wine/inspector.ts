/**
 * Opening the inspector of another process from outside, as `node inspect -p` does. Runs on Windows' Node beside koffi.
 *
 *     victim          prints its process id, and waits
 *     open [PID]      tries it on that process, else on our service, and prints "opened" or what stood in the way
 */
import { serviceProcessId } from "../../packages/agent/src/windows/service-control.ts";
import { serviceName } from "../../packages/agent/src/windows/service-name.ts";

const [mode, processId] = process.argv.slice(2);
if (mode === "victim") {
  console.log(`victim ${process.pid}`);
  setInterval(() => {}, 60_000);
} else {
  // Undocumented and without a type; the only caller of what Node offers on Windows.
  const { _debugProcess } = process as unknown as { _debugProcess(processId: number): void };
  try {
    _debugProcess(processId === undefined ? serviceProcessId(serviceName) : Number(processId));
    console.log("opened");
  } catch (error) {
    console.log(String(error));
  }
}
