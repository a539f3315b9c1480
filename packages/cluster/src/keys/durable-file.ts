import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Writes a file that only its owner can read, whole or not at all: to a temporary name, flushed, renamed, the directory
 * flushed.
 */
export function writePrivateFile(path: string, content: string): void {
  const temporary = `${path}.${process.pid}.new`; // nodes may share a folder
  const file = openSync(temporary, "w", 0o600);
  try {
    writeSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  flushDirectory(dirname(path));
}

/** Removes a file, and flushes the directory, so that a power cut does not bring it back. */
export function removePrivateFile(path: string): void {
  rmSync(path);
  flushDirectory(dirname(path));
}

/** What was made, renamed or removed in a directory outlives a power cut from here on. */
export function flushDirectory(path: string): void {
  if (process.platform === "win32") return; // Windows flushes no directories
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
