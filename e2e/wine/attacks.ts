/**
 * The attacks that a local administrator would try with a program of his own. Runs on Windows' Node beside koffi; prints
 * one line of JSON: each attack and what Windows answered, 0 for success.
 */
import { kernel32 } from "../../packages/agent/src/windows/kernel32.ts";
import { koffi, WindowsError } from "../../packages/agent/src/windows/native.ts";
import { withKey } from "../../packages/agent/src/windows/registry.ts";
import { serviceProcessId } from "../../packages/agent/src/windows/service-control.ts";
import { serviceName } from "../../packages/agent/src/windows/service-name.ts";

const processRights = { terminate: 0x1, createThread: 0x2, writeMemory: 0x28, suspend: 0x800 };
const keyRights = { setValue: 0x2, createSubKey: 0x4 };

const library = koffi().load("kernel32.dll");
const OpenProcess = library.func("intptr_t OpenProcess(uint32_t rights, int inherit, uint32_t processId)");
const GetLastError = library.func("uint32_t GetLastError()");
const processId = serviceProcessId(serviceName);

const answers: Record<string, number> = {};
for (const [name, rights] of Object.entries(processRights)) {
  const handle: number = OpenProcess(rights, 0, processId);
  answers[name] = handle === 0 ? GetLastError() : 0;
  if (handle !== 0) kernel32().CloseHandle(handle);
}
for (const [name, rights] of Object.entries(keyRights)) answers[name] = codeOf(() => openKey(rights));
console.log(JSON.stringify(answers));

function openKey(rights: number): void {
  withKey(`SYSTEM\\CurrentControlSet\\Services\\${serviceName}`, rights, () => {});
}

function codeOf(attack: () => void): number {
  try {
    attack();
    return 0;
  } catch (error) {
    if (error instanceof WindowsError) return error.code;
    throw error;
  }
}
