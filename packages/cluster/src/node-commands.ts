import type { Command } from "commander";
import { addBackupCommands } from "./backup-commands.ts";
import { examples, jsonOption } from "./cli/command.ts";
import { type SettingName, settingNames } from "./config/settings.ts";
import type { DoctorFlags } from "./doctor-runs.ts";
import { firstAdmin } from "./identity/first-admin.ts";
import type { NodeCommandsOptions, NodeFlags } from "./node-runs.ts";
import { withSettings } from "./setting-options.ts";

/**
 * Adds the commands that work on the data directory and the database themselves: `init`, `serve`, `reset-admin`, `migrate`,
 * `backup`, `restore`, `copy`, `doctor`.
 */
export function addNodeCommands(program: Command, options: NodeCommandsOptions): void {
  withSettings(program.command("init"), [
    "data",
    ...databaseSettings,
    "adminPasswordFile",
    "keyPassphraseFile",
    ...pkcs11Settings,
  ])
    .description("Make a cluster: its keys and its user admin. The first `postern serve` does this by itself.")
    .addHelpText("after", examples("postern init", "postern init --data /var/lib/postern"))
    .action((flags: NodeFlags) => run((node) => node.runInit(options, flags)));

  withSettings(program.command("serve"), Object.keys(settingNames) as SettingName[])
    .description("Start the cluster.")
    .addHelpText(
      "after",
      examples(
        "postern serve",
        "postern serve --data /var/lib/postern --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem --public-url https://postern.example.com",
      ),
    )
    .action((flags: NodeFlags) => run((node) => node.runServe(options, flags)));

  withSettings(program.command("reset-admin"), [
    "data",
    ...databaseSettings,
    "adminPasswordFile",
    "keyPassphraseFile",
    ...pkcs11Settings,
  ])
    .description("Let a site administrator in again when nobody can log in any more. Ends the user's sessions.")
    .argument("[name]", "the user; made when there is none of that name", firstAdmin)
    .addHelpText(
      "after",
      `${examples("postern reset-admin", "postern reset-admin rescue --data /var/lib/postern")}
Works on the data directory and the database, so whoever may read these may run it. With an embedded database no node
may run meanwhile; on PostgreSQL the nodes go on. The new password is printed once, unless the file gives one.
`,
    )
    .action((name: string, flags: NodeFlags) => run((node) => node.runResetAdmin(options, name, flags)));

  withSettings(program.command("migrate"), ["data", ...databaseSettings])
    .description("Bring the database's schema up to date without serving. `postern serve` does this by itself.")
    .option("--dry-run", "say what would be done, and do nothing")
    .addHelpText("after", examples("postern migrate --dry-run", "postern migrate"))
    .action((flags: NodeFlags & { dryRun?: true }) => run((node) => node.runMigrate(options, flags)));

  withSettings(program.command("doctor"), Object.keys(settingNames) as SettingName[])
    .description(
      "Look whether a node and its database are as they should be, and say what to do next. Changes nothing.",
    )
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `${examples("postern doctor", "postern doctor --data /var/lib/postern --json")}
Ends with 0 when there is nothing to do, 6 when there are warnings, 7 when there are problems.
`,
    )
    .action(async (flags: DoctorFlags) => (await import("./doctor-runs.ts")).runDoctor(options, flags));

  addBackupCommands(program, options);
}

const pkcs11Settings: readonly SettingName[] = ["pkcs11Module", "pkcs11Token", "pkcs11PinFile"];

const databaseSettings: readonly SettingName[] = ["database", "databaseListen"];

/** The whole cluster is loaded only when one of its commands runs: the operator's commands are to start at once. */
async function run(command: (node: typeof import("./node-runs.ts")) => Promise<void>): Promise<void> {
  const node = await import("./node-runs.ts");
  await node.tellingWhatToDo(() => command(node));
}
