/**
 * What Windows says of our service's memory: prints its working set in bytes. Runs on Windows' Node beside koffi.
 */
import { kernel32 } from "../../packages/agent/src/windows/kernel32.ts";
import { koffi, succeed } from "../../packages/agent/src/windows/native.ts";
import { serviceProcessId } from "../../packages/agent/src/windows/service-control.ts";
import { serviceName } from "../../packages/agent/src/windows/service-name.ts";

const PROCESS_QUERY_LIMITED_INFORMATION = 0x1000;
/** PROCESS_MEMORY_COUNTERS_EX: two counts of 4 bytes, then nine of 8. */
const countersBytes = 80;
const workingSetAt = 16;

const library = koffi().load("kernel32.dll");
const OpenProcess = library.func("intptr_t OpenProcess(uint32_t rights, int inherit, uint32_t processId)");
const GetMemoryInfo = library.func("int K32GetProcessMemoryInfo(intptr_t process, void *counters, uint32_t bytes)");

const handle: number = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, serviceProcessId(serviceName));
succeed("OpenProcess", handle);
const counters = Buffer.alloc(countersBytes);
counters.writeUInt32LE(countersBytes);
succeed("K32GetProcessMemoryInfo", GetMemoryInfo(handle, counters, countersBytes));
kernel32().CloseHandle(handle);
console.log(String(counters.readBigUInt64LE(workingSetAt)));
