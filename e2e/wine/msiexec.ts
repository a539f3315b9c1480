import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Finished, WindowsMachine } from "../windows-machine.ts";

/** Runs Windows Installer without a word, and gives its log. A log with this name stays on drive C. */
export async function msiexec(
  machine: WindowsMachine,
  logName: string,
  args: readonly string[],
): Promise<Finished & { log: string }> {
  const line = [...args, "/qn", "/l*v", `C:\\${logName}`];
  const finished = await machine.run("msiexec", line, { timeoutMs: 180_000 });
  return { ...finished, log: readLog(join(machine.driveC, logName)) };
}

/** Windows writes UTF-16 with a byte order mark, Wine UTF-8. */
function readLog(path: string): string {
  const bytes = readFileSync(path);
  return bytes[0] === 0xff && bytes[1] === 0xfe ? bytes.toString("utf16le", 2) : bytes.toString("utf8");
}
