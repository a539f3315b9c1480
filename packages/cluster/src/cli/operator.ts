import { type Command, CommanderError } from "commander";
import { CommandFailed, exitCodes } from "./failure.ts";
import { addLoginCommands } from "./login.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Adds every command of an operator to `program`. They talk to the management API and to nothing else: what the CLI
 * may do is what the person or program behind it may do.
 */
export function addOperatorCommands(program: Command, terminal: Terminal): void {
  addLoginCommands(program, terminal);
}

/**
 * Runs one command line and gives its exit code: 0 done, 2 wrong usage, 3 refused, 4 the cluster cannot be reached.
 * Everything that goes wrong is told on standard error; standard output stays what was asked for.
 */
export async function runCommandLine(program: Command, argv: readonly string[], terminal: Terminal): Promise<number> {
  quietExit(program);
  try {
    await program.parseAsync(argv, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.wrongUsage;
    if (!(error instanceof CommandFailed)) throw error;
    terminal.say(`postern: ${error.message}\n${error.more.map((line) => `${line}\n`).join("")}`);
    return error.exitCode;
  }
}

/** Commander would end the process itself, and with 1 for every mistake. */
function quietExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) quietExit(child);
}
