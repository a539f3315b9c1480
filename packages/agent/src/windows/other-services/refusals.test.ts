import { describe, expect, test } from "vitest";
import { imagePaths } from "./image-paths.ts";
import { refusalOf, type ServiceProgram } from "./refusals.ts";

const variables: Record<string, string> = { programfiles: "C:\\Program Files", outside: "\\\\server\\share" };
const folders = { windows: "C:\\Windows", variable: (name: string) => variables[name.toLowerCase()] };
const ordinary: ServiceProgram = {
  type: 0x10,
  command: "C:\\Windows\\Sysmon64.exe",
  launchProtected: false,
  realPaths: [],
};

function judge(name: string, program: Partial<ServiceProgram> = {}) {
  return refusalOf(name, { ...ordinary, ...program }, { ownName: "PosternAgent", folders });
}

describe("guarded", () => {
  test.each([
    ["beside the system folder, not in it", "C:\\Windows\\Sysmon64.exe"],
    ["quoted, with arguments", '"C:\\Program Files\\osquery\\osqueryd\\osqueryd.exe" --flagfile="C:\\x y\\z"'],
    ["unquoted, with spaces", "C:\\Program Files\\Vendor\\agent.exe -service"],
    ["by a variable", '"%ProgramFiles%\\Vendor\\agent.exe"'],
    ["by a short name that is there", "C:\\PROGRA~1\\Vendor\\agent.exe"],
    ["whose argument names the system folder", '"C:\\Vendor\\agent.exe" C:\\Windows\\System32\\drivers'],
    ["in a folder that only begins like it", "C:\\Windows\\System32x\\agent.exe"],
    ["in a System32 of its own", "D:\\Vendor\\System32\\agent.exe"],
    ["on a drive without a path before it", "\\Vendor\\agent.exe"],
  ])("%s", (_, command) => {
    expect(judge("Vendor", { command, realPaths: ["C:\\Program Files\\Vendor\\agent.exe"] })).toBeUndefined();
  });

  test("with a window of its own on the desktop", () => {
    expect(judge("Vendor", { type: 0x110 })).toBeUndefined();
  });
});

describe("refused", () => {
  test.each(["PosternAgent", "posternagent", "POSTERNAGENT"])("our own service, as %s", (name) => {
    expect(judge(name)).toBe("refused_own_service");
  });

  test.each([0x1, 0x2, 0x4, 0x8])("a driver, type %i", (type) => {
    expect(judge("SysmonDrv", { type, command: "SysmonDrv.sys" })).toBe("refused_driver");
  });

  test.each([0x20, 0x30, 0x120])("a shared process, type %i", (type) => {
    expect(judge("Vendor", { type })).toBe("refused_shared_process");
  });

  test.each([0x50, 0x60, 0xd0, 0xe0])("a service of each user, type %i", (type) => {
    expect(judge("Vendor_1a2b", { type })).toBe("refused_per_user_service");
  });

  test("a service whose process is protected", () => {
    expect(judge("WinDefend", { launchProtected: true })).toBe("refused_protected_process");
  });

  test.each([
    '"C:\\Windows\\System32\\svchost.exe" -k netsvcs',
    "C:\\Vendor\\SVCHOST.EXE -k mine",
    "C:\\Vendor\\svchost -k mine",
    '"C:\\Program Files\\svchost.exe"',
  ])("svchost wherever it lies: %s", (command) => {
    expect(judge("Vendor", { command })).toBe("refused_shared_process");
  });

  test.each([
    "C:\\Windows\\System32\\lsass.exe",
    "c:\\windows\\SYSTEM32\\lsass.exe",
    '"C:\\Windows\\System32\\spoolsv.exe" -x "a b"',
    "C:/Windows/System32/lsass.exe",
    "C:\\\\Windows\\\\System32\\\\lsass.exe",
    "\\SystemRoot\\System32\\lsass.exe",
    "\\systemroot\\system32\\lsass.exe -a",
    "System32\\lsass.exe",
    "\\Windows\\System32\\lsass.exe",
    "%SystemRoot%\\System32\\lsass.exe",
    '"%systemroot%\\system32\\lsass.exe"',
    "%windir%\\System32\\lsass.exe",
    "%SystemDrive%\\Windows\\System32\\lsass.exe",
    "\\??\\C:\\Windows\\System32\\lsass.exe",
    "\\\\?\\C:\\Windows\\System32\\lsass.exe",
    "\\\\.\\C:\\Windows\\System32\\lsass.exe",
    "C:\\Program Files\\..\\Windows\\System32\\lsass.exe",
    "C:\\Windows\\.\\System32\\lsass.exe",
    "C:\\Windows\\Temp\\..\\System32\\lsass.exe",
    "C:\\Windows.\\System32 .\\lsass.exe",
    "C:\\Windows\\SysWOW64\\x.exe",
    "C:\\Windows\\Sysnative\\x.exe",
    "C:\\Windows\\servicing\\TrustedInstaller.exe",
    "C:\\Windows\\System32\\drivers\\vendor.exe",
    "\t C:\\Windows\\System32\\lsass.exe",
  ])("a program of Windows' own: %s", (command) => {
    expect(judge("Vendor", { command })).toBe("refused_windows_image");
  });

  test.each([
    ["a short name", "C:\\WINDOW~1\\x.exe"],
    ["a link", "C:\\Vendor\\link\\x.exe"],
  ])("a program of Windows' own behind %s", (_, command) => {
    expect(judge("Vendor", { command, realPaths: ["C:\\Windows\\System32\\x.exe"] })).toBe("refused_windows_image");
  });

  test.each([
    ["another computer", "\\\\server\\share\\agent.exe"],
    ["this one, as if it were another", "\\\\localhost\\C$\\Windows\\System32\\lsass.exe"],
    ["another one, quoted", '"\\\\server\\share\\agent.exe" -service'],
    ["another one in the system's spelling", "\\\\?\\UNC\\server\\share\\agent.exe"],
    ["another one behind a variable", "%OUTSIDE%\\agent.exe"],
    ["a device", "\\Device\\HarddiskVolume3\\Windows\\System32\\lsass.exe"],
    ["a device in the system's spelling", "\\\\?\\GLOBALROOT\\Device\\HarddiskVolume3\\agent.exe"],
    ["a volume", "\\\\?\\Volume{6c2f8e0a-4a0b-4b52-9c0e-3b7d51c4e9a7}\\agent.exe"],
    ["a variable that nobody knows", "%Vendor%\\agent.exe"],
    ["a name that has to be searched for", "agent.exe -service"],
    ["a folder that has to be searched for", "bin\\agent.exe"],
    ["a drive's own folder", "C:agent.exe"],
    ["a short name that is not there", "C:\\WINDOW~1\\SYSTEM~1\\lsass.exe"],
    ["nothing", ""],
    ["nothing, quoted", '""'],
  ])("a program of which it is not clear where it lies: %s", (_, command) => {
    expect(judge("Vendor", { command })).toBe("refused_unclear_image");
  });
});

test("of an unquoted line every beginning that Windows would try is looked at", () => {
  expect(imagePaths("C:\\Program Files\\a b.exe -x", folders)).toEqual([
    "C:\\Program",
    "C:\\Program Files\\a",
    "C:\\Program Files\\a b.exe",
    "C:\\Program Files\\a b.exe -x",
  ]);
});
