import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { Command } from "commander";
import packageJson from "../package.json" with { type: "json" };
import { examples } from "./cli/command.ts";
import { addOperatorCommands, runCommandLine } from "./cli/operator.ts";
import type { Terminal } from "./cli/terminal.ts";
import { systemClock } from "./clock.ts";
import { addNodeCommands } from "./node-commands.ts";

const terminal: Terminal = {
  env: process.env,
  stdin: process.stdin,
  print: (text) => void process.stdout.write(text),
  say: (text) => void process.stderr.write(text),
  now: () => systemClock.now(),
  randomUuid: () => randomUUID(),
};

// Whoever read the output has enough of it (`| head`): no reason to fail, and for `serve` none to end.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

const program = new Command("postern")
  .description("Service protection for agents on Windows workloads, and the 15-minute token that lifts it offline.")
  .version(packageJson.version)
  .helpCommand(false)
  .enablePositionalOptions() // so that a command may have a --version of its own
  .addHelpText(
    "after",
    `${examples("postern serve", "postern login admin", "postern agent list --search payroll", 'postern token generate --agent WS-PAYROLL-07 --reason "disk full" --out')}
Each command has examples of its own: postern COMMAND --help. Programs use POSTERN_URL and POSTERN_API_KEY.
`,
  );
addNodeCommands(program, {
  terminal,
  clock: systemClock,
  randomBytes,
  version: packageJson.version,
  consoleDirectory: join(import.meta.dirname, "../../console/dist"),
});
addOperatorCommands(program, terminal);

process.exitCode = await runCommandLine(program, process.argv.slice(2), terminal);
