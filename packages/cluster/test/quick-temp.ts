import { chmodSync, mkdtempSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";

/** Where Linux keeps files in memory; in containers it may be too small to be of use. */
const inMemory = "/dev/shm";
const enoughBytes = 4 * 1024 ** 3;

/**
 * Has this run's temporary files in memory, where there is enough of it: tests wait for the disk at every commit, and what
 * they hold against a program is that it is killed, not that the machine loses its power. There, too, Node keeps what it
 * has compiled of the program, which tests start some hundreds of times: half of a start is that. Workers inherit both.
 */
export function useQuickTemp(): void {
  if (process.env["TMPDIR"] !== undefined) return; // somebody has said where
  const directory = makeInMemory();
  if (directory === null) return;
  chmodSync(directory, 0o711); // PostgreSQL runs as a user of its own, in a folder of its own below
  process.env["TMPDIR"] = directory;
  process.env["NODE_COMPILE_CACHE"] = join(directory, "compiled");
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
}

/** For the environment of a program that is started with nothing else of ours. */
export function compiledBefore(): { readonly NODE_COMPILE_CACHE?: string } {
  const directory = process.env["NODE_COMPILE_CACHE"];
  return directory === undefined ? {} : { NODE_COMPILE_CACHE: directory };
}

function makeInMemory(): string | null {
  try {
    const { bavail, bsize } = statfsSync(inMemory);
    const mount = readFileSync("/proc/mounts", "utf8").match(new RegExp(`^\\S+ ${inMemory} .*`, "m"))?.[0] ?? "noexec";
    if (bavail * bsize < enoughBytes || mount.includes("noexec")) return null; // tests start scripts of theirs there
    return mkdtempSync(join(inMemory, "postern-"));
  } catch {
    return null; // not there, as outside Linux, or not ours to write to
  }
}
