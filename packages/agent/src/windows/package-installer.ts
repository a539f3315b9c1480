import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, statfsSync, statSync } from "node:fs";
import type { HeldFile, PackageInstaller } from "../ports.ts";
import { INVALID_HANDLE, kernel32 } from "./kernel32.ts";
import { koffi, lazy, windowsErrorOf } from "./native.ts";

const GENERIC_READ = 0x80000000;
const FILE_SHARE_READ = 0x1;
const OPEN_EXISTING = 3;
const FILE_FLAG_OPEN_REPARSE_POINT = 0x00200000;

/** Of a local disk: no share, no device, no stream of another file. */
const localPath = /^[A-Za-z]:\\[^:*?"<>|]+$/;

/** Windows Installer, for packages of the agent itself. */
export const packageInstaller: PackageInstaller = {
  freeBytes(folder) {
    try {
      const { bavail, bsize } = statfsSync(folder);
      return bavail * bsize;
    } catch {
      return undefined;
    }
  },
  readNamed(path) {
    if (!localPath.test(path)) return undefined;
    const found = statSync(path, { throwIfNoEntry: false });
    return found?.isFile() ? { size: found.size, bytes: () => createReadStream(path) } : undefined;
  },
  hold,
  install(path, log) {
    return new Promise((resolve, reject) => {
      const installer = spawn(
        `${systemFolder()}\\msiexec.exe`,
        ["/i", path, "/qn", "/norestart", "/l*v", log],
        // Detached: what belongs to this process ends with it, and replacing this process is what it is started for.
        { detached: true, stdio: "ignore", windowsHide: true },
      );
      installer.on("error", reject);
      installer.on("exit", (code) => resolve(code ?? -1));
    });
  },
};

/** Opened without sharing the right to write or delete; a link is held as the link that it is, and is no package. */
function hold(path: string): HeldFile {
  const file = kernel32().CreateFileW(
    path,
    GENERIC_READ,
    FILE_SHARE_READ,
    null,
    OPEN_EXISTING,
    FILE_FLAG_OPEN_REPARSE_POINT,
    0,
  );
  if (file === INVALID_HANDLE) throw windowsErrorOf("CreateFileW");
  let isHeld = true;
  return {
    size: statSync(path).size,
    // By its name, which is this file's for as long as it is held.
    async sha256() {
      const hash = createHash("sha256");
      for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
      return hash.digest("base64url");
    },
    release() {
      if (isHeld) kernel32().CloseHandle(file);
      isHeld = false;
    },
  };
}

/** Asked of Windows, not of the environment. */
function systemFolder(): string {
  const name = Buffer.alloc(2 * 260);
  const length = systemDirectory()(name, name.length / 2);
  if (length === 0) throw windowsErrorOf("GetSystemDirectoryW");
  return name.toString("utf16le", 0, 2 * length);
}

const systemDirectory = lazy(
  () =>
    koffi().load("kernel32.dll").func("uint32_t GetSystemDirectoryW(_Out_ uint8_t *name, uint32_t characters)") as (
      name: Buffer,
      characters: number,
    ) => number,
);
