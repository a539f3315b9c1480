import { type FileHandle, open, rm } from "node:fs/promises";
import { type CommandFailed, wrongUsage } from "./failure.ts";

/** A file that will hold a token: made, empty, and readable by its owner only. */
export interface TokenFile {
  readonly path: string;
  /** Writes the token, alone on one line, and closes the file. */
  fill(token: string): Promise<void>;
  /** Takes the file away again: there will be no token. */
  discard(): Promise<void>;
}

/**
 * Makes the file before the token is asked for, so that no token is generated that could not be kept. A file that is
 * there already is never written to: it may be another token, or readable by others.
 *
 * @throws {CommandFailed} 2: it cannot be made
 */
export async function makeTokenFile(path: string): Promise<TokenFile> {
  const file = await makeNewFile(path);
  return {
    path,
    async fill(token) {
      await file.writeFile(`${token}\n`);
      await file.close();
    },
    async discard() {
      await file.close();
      await rm(path, { force: true });
    },
  };
}

/** A file that was not there before, readable by its owner only. @throws {CommandFailed} 2: it cannot be made */
export async function makeNewFile(path: string, flag = "--out"): Promise<FileHandle> {
  try {
    return await open(path, "wx", 0o600);
  } catch (error) {
    throw cannotMake(path, flag, error);
  }
}

function cannotMake(path: string, flag: string, error: unknown): CommandFailed {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EEXIST")
    return wrongUsage(`The file ${path} is there already.`, `Remove it, or name another with ${flag}.`);
  if (code === "ENOENT")
    return wrongUsage(`There is no folder for the file ${path}.`, `Make it, or name another with ${flag}.`);
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return wrongUsage(`You may not write the file ${path}.`, `Name another with ${flag}.`);
  }
  return wrongUsage(`The file ${path} cannot be made (${String(code)}).`, `Name another with ${flag}.`);
}

/**
 * The file name that a download proposes (RFC 6266), when it is a plain one: it must not lead out of the folder nor hide
 * in it.
 */
export function proposedFileName(headers: Headers): string | undefined {
  const [, name] = /^attachment; filename="([^"]*)"$/.exec(headers.get("content-disposition") ?? "") ?? [];
  return name !== undefined && /^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/.test(name) ? name : undefined;
}
