import { type Command, CommanderError } from "commander";
import { addActivationKeyCommands } from "./activation-keys.ts";
import { addAgentCommands } from "./agents.ts";
import { addAlarmCommands } from "./alarms.ts";
import { addApiKeyCommands } from "./api-keys.ts";
import { addAuditCommands } from "./audit.ts";
import { addClusterCommands } from "./cluster.ts";
import { addEventCommands } from "./events.ts";
import { CommandFailed, exitCodes } from "./failure.ts";
import { addIntentCommands } from "./intents.ts";
import { addLoginCommands } from "./login.ts";
import { addPackageCommands } from "./packages.ts";
import { addProfileCommands } from "./profiles.ts";
import { addSessionCommands } from "./sessions.ts";
import { addSigningKeyCommands } from "./signing-keys.ts";
import { addTenantCommands } from "./tenants.ts";
import type { Terminal } from "./terminal.ts";
import { addTokenCommands } from "./tokens.ts";
import { addUserCommands } from "./users.ts";

/**
 * Adds every command of an operator to `program`. They talk to the management API and to nothing else: what the CLI
 * may do is what the person or program behind it may do.
 */
export function addOperatorCommands(program: Command, terminal: Terminal): void {
  addLoginCommands(program, terminal);
  addSessionCommands(program, terminal);
  addUserCommands(program, terminal);
  addTenantCommands(program, terminal);
  addProfileCommands(program, terminal);
  addIntentCommands(program, terminal);
  addAgentCommands(program, terminal);
  addPackageCommands(program, terminal);
  addTokenCommands(program, terminal);
  addActivationKeyCommands(program, terminal);
  addApiKeyCommands(program, terminal);
  addSigningKeyCommands(program, terminal);
  addClusterCommands(program, terminal);
  addEventCommands(program, terminal);
  addAlarmCommands(program, terminal);
  addAuditCommands(program, terminal);
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
