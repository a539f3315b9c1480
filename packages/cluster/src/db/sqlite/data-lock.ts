import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DatabaseUnusable } from "../database-error.ts";

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
 * @throws {DataDirectoryInUse, DatabaseUnusable}
 */
export function lockDataDirectory(directory: string): { release(): void } {
  const database = openLockFile(directory);
  try {
    database.exec("begin exclusive");
  } catch (error) {
    database.close();
    if (isBusy(error)) throw new DataDirectoryInUse(directory);
    throw error;
  }
  return { release: () => database.close() };
}

/** Whether a process has the data directory, as seen from beside it: takes nothing and makes nothing. */
export function isDataDirectoryInUse(directory: string): boolean {
  const path = join(directory, "lock.db");
  if (!existsSync(path)) return false;
  const database = new DatabaseSync(path, { readOnly: true, timeout: 0 });
  try {
    database.prepare("select count(*) from sqlite_schema").get();
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    throw error;
  } finally {
    database.close();
  }
}

function openLockFile(directory: string): DatabaseSync {
  try {
    return new DatabaseSync(join(directory, "lock.db"), { timeout: 0 });
  } catch (error) {
    throw new DatabaseUnusable(`The data directory ${directory} cannot be written. Check that this user owns it.`, {
      cause: error,
    });
  }
}

function isBusy(error: unknown): boolean {
  return typeof error === "object" && error !== null && "errcode" in error && error.errcode === 5; // SQLITE_BUSY
}
