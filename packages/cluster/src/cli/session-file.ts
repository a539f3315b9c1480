import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { wrongUsage } from "./failure.ts";
import type { Terminal } from "./terminal.ts";

/** A log-in that later commands go on with. */
export interface StoredSession {
  /** Origin of the cluster that gave the cookie. It is sent nowhere else. */
  readonly url: string;
  readonly name: string;
  /** `name=value`, as the cookie header wants it. */
  readonly cookie: string;
}

/** `$XDG_CONFIG_HOME/postern/session.json`, by default under `~/.config` (XDG base directory specification). */
export function sessionPath(env: Terminal["env"]): string {
  return join(env["XDG_CONFIG_HOME"] || join(env["HOME"] || homedir(), ".config"), "postern", "session.json");
}

/**
 * The stored session, or undefined when nobody has logged in or the file is not one of ours.
 *
 * @throws {CommandFailed} 2: other users can read the file, so the session must be taken for stolen
 */
export async function loadSession(env: Terminal["env"]): Promise<StoredSession | undefined> {
  const path = sessionPath(env);
  const stats = await stat(path).catch(() => undefined);
  if (!stats) return undefined;
  if (process.platform !== "win32" && (stats.mode & 0o077) !== 0) {
    throw wrongUsage(
      `Other users of this machine can read ${path}.`,
      `Run: postern logout; then log in again. To keep the session as it is: chmod 600 ${path}`,
    );
  }
  return parseSession(await readFile(path, "utf8"));
}

function parseSession(text: string): StoredSession | undefined {
  try {
    const { url, name, cookie } = JSON.parse(text) as Record<string, unknown>;
    if (typeof url !== "string" || typeof name !== "string" || typeof cookie !== "string") return undefined;
    return { url, name, cookie };
  } catch {
    return undefined;
  }
}

/** Keeps the session for the commands to come; only this user can read it. */
export async function saveSession(env: Terminal["env"], session: StoredSession): Promise<void> {
  const path = sessionPath(env);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}`;
  await rm(temporary, { force: true });
  await writeFile(temporary, `${JSON.stringify(session, undefined, 2)}\n`, { mode: 0o600, flag: "wx" });
  await rename(temporary, path);
}

export async function forgetSession(env: Terminal["env"]): Promise<void> {
  await rm(sessionPath(env), { force: true });
}
