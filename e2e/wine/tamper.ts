/**
 * What code that runs as SYSTEM can change of our guard: run it as a service of its own. Prints nothing; each argument is
 * one change, and the file named by the first one appears when all are made.
 */
import { writeFileSync } from "node:fs";
import { koffi } from "../../packages/agent/src/windows/native.ts";
import { enableTakingOwnership, withOwnership } from "../../packages/agent/src/windows/ownership.ts";
import { keyRights, setTextList, withKey } from "../../packages/agent/src/windows/registry.ts";
import { securedObjects, setKeySecurity, setOwner } from "../../packages/agent/src/windows/security.ts";
import { serviceKey } from "../../packages/agent/src/windows/service-control.ts";
import { serviceName } from "../../packages/agent/src/windows/service-name.ts";

const key = serviceKey(serviceName);
const windowsNt = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion";
const HKEY_LOCAL_MACHINE = -2147483646;
const [REG_SZ, REG_DWORD] = [1, 4];

const RegSetKeyValueW = koffi()
  .load("advapi32.dll")
  .func("int32_t RegSetKeyValueW(intptr_t parent, str16 path, str16 name, uint32_t type, void *data, uint32_t bytes)");

const changes: Record<string, () => void> = {
  descriptor: () => setDacl("D:P(A;CI;KA;;;SY)(A;CI;KA;;;BA)"),
  /** As an administrator does it: the key is his, and the DACL stays what it was. */
  owner() {
    enableTakingOwnership();
    withKey(key, keyRights.writeOwner, (opened) => setOwner(opened, securedObjects.registryKey, "O:BA"));
  },
  /** And then nobody may write, and so nobody set it back who has no more than his rights. */
  shutOut() {
    setDacl("D:P(A;CI;KR;;;WD)");
    withKey(key, keyRights.writeOwner, (opened) =>
      setOwner(opened, securedObjects.registryKey, "O:S-1-5-21-1-2-3-1001"),
    );
  },
  eventSource: () =>
    set(
      "SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\PosternAgent",
      "EventMessageFile",
      REG_SZ,
      text("C:\\evil.exe"),
    ),
  startType: () => set(key, "Start", REG_DWORD, Buffer.from([4, 0, 0, 0])),
  command: () => set(key, "ImagePath", REG_SZ, text("C:\\evil.exe")),
  debugger: () =>
    set(`${windowsNt}\\Image File Execution Options\\PosternAgent.exe`, "Debugger", REG_SZ, text("C:\\evil.exe")),
  monitor: () =>
    set(`${windowsNt}\\SilentProcessExit\\PosternAgent.exe`, "MonitorProcess", REG_SZ, text("C:\\evil.exe")),
  renames: () =>
    setTextList("SYSTEM\\CurrentControlSet\\Control\\Session Manager", "PendingFileRenameOperations", [
      "\\??\\C:\\other.tmp",
      "",
      "\\??\\C:\\Program Files\\Postern\\PosternAgent.exe",
      "",
    ]),
};

const [doneFile, ...wanted] = process.argv.slice(2);
const answers = wanted.map((name) => {
  try {
    changes[name]?.();
    return `${name}: done`;
  } catch (error) {
    return `${name}: ${String(error)}`;
  }
});
if (doneFile) writeFileSync(doneFile, answers.join("\n"));

/** As SYSTEM may, or whoever owns the key: Wine's services run as its administrators do. */
function setDacl(sddl: string): void {
  enableTakingOwnership();
  const open = (rights: number, use: (opened: number) => void): void => withKey(key, rights, use);
  withOwnership(securedObjects.registryKey, sddl, open, (opened) => setKeySecurity(opened, sddl));
}

function set(path: string, name: string, type: number, data: Buffer): void {
  const code: number = RegSetKeyValueW(HKEY_LOCAL_MACHINE, path, name, type, data, data.length);
  if (code !== 0) throw new Error(`RegSetKeyValueW: Windows error ${code}`);
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`, "utf16le");
}
