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
  /** The service's answer to the step's command, undefined when it does not answer. */
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
    case "wait-stopped":
      return (await isStopped(installer)) ? exitCodes.done : exitCodes.refused;
    case "installer-done": {
      const answer = await ask();
      if (answer?.ok) return exitCodes.done;
      say(answer?.code ?? "service_silent");
      return exitCodes.noAnswer;
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
      if (!installer.giveBackServices()) {
        say("services_guarded");
        return exitCodes.refused;
      }
      removeAllButLogs(dataFolder);
      return exitCodes.done;
  }

  function say(code: string): void {
    terminal.err(`${code}: ${sentenceFor(code, {})}\n`);
  }
}

/** For as long as an orderly end takes, and a moment more: its process still has our files open when it reports its end. */
async function isStopped(installer: InstallerPort): Promise<boolean> {
  for (let look = 0; look < stopLooks && installer.isServiceRunning(); look++) await pause(stopLookMs);
  await pause(stopLookMs);
  return !installer.isServiceRunning();
}

const stopLookMs = 250;
const stopLooks = 80;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Only the word of the service itself lets the installer through. */
async function removalRefusal(ask: StepPorts["ask"]): Promise<string | undefined> {
  const answer = await ask();
  if (answer?.ok)
    return "installer" in answer.result && answer.result.installer === "go_on" ? undefined : "service_silent";
  return answer !== undefined && installerRefusals.has(answer.code) ? answer.code : "service_silent";
}

/** What the service says to an installer; anything else is said by one that cannot tell yet. */
const installerRefusals = new Set([
  "service_protected",
  "update_under_way",
  "installing_itself",
  "package_unreadable",
  "package_not_listed",
  "package_not_newer",
  "no_room",
]);

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
