import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";

/**
 * The few operations that the stores are made of, each of them one that a power cut can come before or into. Tests cut
 * there; nothing else in the agent writes files.
 */
export interface FileSystem {
  /** The whole file, or undefined when there is none. Throws when there is one that cannot be read. */
  read(path: string): Uint8Array | undefined;
  /** Size in bytes; 0 when there is none. */
  size(path: string): number;
  /** Writes into the file in place, making it when there is none. Nothing is durable before {@link flush}. */
  write(path: string, offset: number, bytes: Uint8Array): void;
  flush(path: string): void;
  /** Gives the file a second name. Not every file system can. */
  link(from: string, to: string): void;
  /** Replaces `to` in one step. */
  rename(from: string, to: string): void;
  remove(path: string): void;
  makeFolder(path: string): void;
  /** Makes new names in the folder durable, where the platform needs to be told. */
  flushFolder(path: string): void;
}

const ownerOnly = 0o600;

/** The real one. Files are for their owner alone; on Windows the folder's descriptor says who that is. */
export const nodeFileSystem: FileSystem = {
  read(path) {
    try {
      return readFileSync(path);
    } catch (error) {
      // Only this is "none": a file that we may not look at is there.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  },
  size: (path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0,
  write(path, offset, bytes) {
    const file = openSync(path, existsSync(path) ? "r+" : "w+", ownerOnly);
    try {
      let written = 0;
      while (written < bytes.length) {
        written += writeSync(file, bytes, written, bytes.length - written, offset + written);
      }
    } finally {
      closeSync(file);
    }
  },
  flush: (path) => flushAs(path, "r+"),
  link: (from, to) => linkSync(from, to),
  rename(from, to) {
    renamePatiently(from, to);
    // NTFS writes names to its log in order, but late; flushing the file brings the log to the disk up to its name.
    if (process.platform === "win32") flushAs(to, "r+");
  },
  remove: (path) => rmSync(path, { force: true }),
  makeFolder: (path) => {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  },
  flushFolder(path) {
    // Windows opens no folders to flush; there `rename` has done it.
    if (process.platform !== "win32") flushAs(path, "r");
  },
};

function flushAs(path: string, flags: "r" | "r+"): void {
  const file = openSync(path, flags);
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** On Windows a virus scanner may hold a file for a moment that was just written. */
function renamePatiently(from: string, to: string): void {
  for (let attempt = 1; ; attempt++) {
    try {
      renameSync(from, to);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const busy = code === "EPERM" || code === "EACCES" || code === "EBUSY";
      if (process.platform !== "win32" || !busy || attempt === 10) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10 * attempt);
    }
  }
}
