import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { CommandAnswer } from "../commands.ts";
import type { InstallerPort } from "../ports.ts";
import { type InstallerStep, UsageError } from "./arguments.ts";
import { exitCodes } from "./exit-codes.ts";
import { sentenceFor } from "./sentences.ts";

interface StepPorts {
  readonly installer: InstallerPort | undefined;
  readonly dataFolder: string;
  /** The service's answer to `status`, undefined when it does not answer. */
  ask(): Promise<CommandAnswer | undefined>;
}

/** What stays when the agent is uninstalled: somebody may want to know what was. */
export const logsFolder = "logs";

/**
 * Carries out one step of the installer's and gives its exit code.
 *
 * @throws {UsageError} there is no installer on this operating system
 */
export async function runInstallerStep(
  step: InstallerStep,
  { installer, dataFolder, ask }: StepPorts,
  terminal: { err(text: string): void },
): Promise<number> {
  if (!installer) throw new UsageError(`-${step} is for the installer on Windows.`);
  switch (step) {
    case "guard-check": {
      installer.note();
      const refusal = installer.isServiceRunning() ? await removalRefusal(ask) : undefined;
      if (refusal === undefined) return exitCodes.done;
      installer.note(sentenceFor(refusal, {}));
      say(refusal);
      return refusal === "service_silent" ? exitCodes.noAnswer : exitCodes.refused;
    }
    case "folder-check":
      if (installer.foreignFolder() === undefined) return exitCodes.done;
      say("foreign_folder");
      return exitCodes.refused;
    case "remove-data":
      if (installer.isServiceRunning()) {
        say("service_running");
        return exitCodes.refused;
      }
      removeAllButLogs(dataFolder);
      return exitCodes.done;
  }

  function say(code: string): void {
    terminal.err(`${code}: ${sentenceFor(code, {})}\n`);
  }
}

/** Only the word of the service itself that protection is not on lets the installer through. */
async function removalRefusal(ask: StepPorts["ask"]): Promise<string | undefined> {
  const answer = await ask();
  if (!answer?.ok || !("status" in answer.result)) return "service_silent";
  return answer.result.status.protection.state === "on" ? "service_protected" : undefined;
}

/** The folder itself too when nothing is left. A link in it is removed, not followed. */
function removeAllButLogs(folder: string): void {
  let left = 0;
  for (const entry of entriesOf(folder)) {
    if (entry === logsFolder) left++;
    else rmSync(join(folder, entry), { recursive: true, force: true, maxRetries: 5 });
  }
  if (left === 0) rmSync(folder, { recursive: true, force: true });
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
