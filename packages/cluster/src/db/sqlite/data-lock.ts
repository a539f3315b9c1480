import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Another process works on the data directory. */
export class DataDirectoryInUse extends Error {
  override readonly name = "DataDirectoryInUse";

  constructor(directory: string) {
    super(
      `The data directory ${directory} is in use by another Postern process. ` +
        "Stop that process first, or choose another directory with --data.",
    );
  }
}

/**
 * Makes the data directory ours until `release` or the end of the process, whatever ends it.
 *
 * The lock is one that SQLite takes on a small file of its own. The operating system drops it with the process, so a
 * SIGKILL leaves nothing behind that a person would have to clear, unlike a file with a process id.
 *
 * @throws {DataDirectoryInUse}
 */
export function lockDataDirectory(directory: string): { release(): void } {
  const database = new DatabaseSync(join(directory, "lock.db"), { timeout: 0 });
  try {
    database.exec("begin exclusive");
  } catch (error) {
    database.close();
    if (isBusy(error)) throw new DataDirectoryInUse(directory);
    throw error;
  }
  return { release: () => database.close() };
}

function isBusy(error: unknown): boolean {
  return typeof error === "object" && error !== null && "errcode" in error && error.errcode === 5; // SQLITE_BUSY
}
