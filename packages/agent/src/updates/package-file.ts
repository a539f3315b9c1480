import { join } from "node:path";
import type { AgentPackage } from "@postern/protocol";
import { packageRoomBytes, packageRoomFactor } from "../limits.ts";
import { FetchFailed, type FetchPackage } from "../link/fetch-package.ts";
import type { HeldFile, PackageInstaller } from "../ports.ts";
import type { FileSystem } from "../store/file-system.ts";

/** Our own copy of a package: the only file that is ever installed, in a folder that is SYSTEM's alone. */
export interface PackageFile {
  readonly path: string;
  /** Whether the path that somebody names is this file's. */
  isAt(path: string): boolean;
  /** Where the installer writes what it does. */
  logOf(version: string): string;
  /**
   * Brings all bytes of the package; what an earlier call of this process brought is not fetched again. They are not
   * verified.
   *
   * @throws {FetchFailed}
   */
  fetch(from: FetchPackage, wanted: AgentPackage, signal: AbortSignal): Promise<void>;
  /** Copies what somebody named. @throws {FetchFailed} */
  copy(source: { readonly size: number; bytes(): AsyncIterable<Uint8Array> }, signal: AbortSignal): Promise<void>;
  hold(): HeldFile;
  remove(): void;
}

export function packageFile(fs: FileSystem, installer: PackageInstaller | undefined, dataFolder: string): PackageFile {
  const folder = join(dataFolder, "updates");
  const path = join(folder, "PosternAgent.msi");
  const logs = join(dataFolder, "logs");
  /** Whose bytes lie there, and how many. */
  let partial: { sha256: string; bytes: number } | undefined;

  return {
    path,
    isAt: (named) => named.toLowerCase() === path.toLowerCase(),
    logOf(version) {
      fs.makeFolder(logs);
      return join(logs, `update-${version}.log`);
    },
    async fetch(from, { path: at, sha256, size }, signal) {
      if (partial?.sha256 !== sha256) makeRoom(size);
      const present = partial ?? { sha256, bytes: 0 };
      partial = present;
      if (present.bytes < size) {
        await from({
          path: at,
          sha256,
          size,
          from: present.bytes,
          signal,
          take(offset, unverified) {
            fs.write(path, offset, unverified);
            present.bytes = offset + unverified.length;
          },
        });
      }
      fs.flush(path);
    },
    async copy({ size, bytes }, signal) {
      makeRoom(size);
      let offset = 0;
      for await (const piece of bytes()) {
        if (signal.aborted) throw new FetchFailed("aborted");
        if (offset + piece.length > size) throw new FetchFailed("too_long");
        fs.write(path, offset, piece);
        offset += piece.length;
      }
      fs.flush(path);
    },
    hold() {
      if (!installer) throw new TypeError("packages are not installed here");
      return installer.hold(path);
    },
    remove,
  };

  /** What was there goes first: one that was begun with other bytes would be somebody else's package. */
  function makeRoom(size: number): void {
    fs.makeFolder(folder);
    remove();
    const free = installer?.freeBytes(folder);
    if (free !== undefined && free < size * packageRoomFactor + packageRoomBytes) throw new FetchFailed("no_room");
  }

  function remove(): void {
    partial = undefined;
    fs.remove(path);
  }
}
