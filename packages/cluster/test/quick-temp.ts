import { chmodSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";

/** Where Linux keeps files in memory; in containers it may be too small to be of use. */
const inMemory = "/dev/shm";
const enoughBytes = 4 * 1024 ** 3;

/**
 * Has this run's temporary files in memory, where there is enough of it: tests wait for the disk at every commit, and what
 * they hold against a program is that it is killed, not that the machine loses its power. Workers inherit it.
 */
export function useQuickTemp(): void {
  if (process.env["TMPDIR"] !== undefined) return; // somebody has said where
  const directory = makeInMemory();
  if (directory === null) return;
  chmodSync(directory, 0o711); // PostgreSQL runs as a user of its own, in a folder of its own below
  process.env["TMPDIR"] = directory;
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
}

function makeInMemory(): string | null {
  try {
    const { bavail, bsize } = statfsSync(inMemory);
    return bavail * bsize < enoughBytes ? null : mkdtempSync(join(inMemory, "postern-"));
  } catch {
    return null; // not there, as outside Linux, or not ours to write to
  }
}
