import type { Command } from "commander";
import type { BackupFlags, CopyFlags, RestoreFlags } from "./backup-runs.ts";
import { examples, jsonOption } from "./cli/command.ts";
import type { NodeCommandsOptions } from "./node-runs.ts";
import { withSettings } from "./setting-options.ts";

export type BackupCommandsOptions = Pick<NodeCommandsOptions, "terminal" | "clock" | "randomBytes" | "version">;

/** Adds `backup`, `restore` and `copy`. */
export function addBackupCommands(program: Command, options: BackupCommandsOptions): void {
  withSettings(program.command("backup"), ["data", "database"])
    .description("Write all of the cluster into one file, as of this moment, while it runs.")
    .requiredOption("--out <path>", "a file that is not there yet, or a folder, which gets one named by the time")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples("postern backup --out /var/backups/postern", "postern backup --out before-upgrade.backup"),
    )
    .action((flags: BackupFlags) => run((runs) => runs.runBackup(options, flags)));

  withSettings(program.command("restore"), [
    "data",
    "database",
    "keyPassphraseFile",
    "pkcs11Module",
    "pkcs11Token",
    "pkcs11PinFile",
  ])
    .description("Put a cluster back as it is in a backup. No node may run meanwhile.")
    .argument("<file>", "what postern backup made")
    .option("--check", "read the backup from its beginning to its end, say what is in it, and touch nothing")
    .option("--replace", "in place of the cluster that is there already")
    .option("--key-file <file>", "your copy of the key file store.key, which is in no backup")
    .option("--keep-activation-keys", "leave activation keys usable that were usable when the backup was made")
    .option("--revoke-api-keys", "revoke all API keys, since those that were revoked since the backup come back")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        "postern restore before-upgrade.backup --check",
        "postern restore before-upgrade.backup --data /var/lib/postern --key-file store.key",
        "postern restore before-upgrade.backup --data /var/lib/postern --replace",
      ),
    )
    .action((file: string, flags: RestoreFlags) => run((runs) => runs.runRestore(options, file, flags)));

  withSettings(program.command("copy"), [])
    .description("Copy a cluster from its data directory to an empty database on PostgreSQL. It may not run meanwhile.")
    .option("--from <directory>", "its data directory [POSTERN_DATA]")
    .option("--to <url>", "the database: postgres://USER@HOST:PORT/NAME [DATABASE_URL]")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples("postern copy --from /var/lib/postern --to postgres://postern@127.0.0.1:5432/postern"),
    )
    .action((flags: CopyFlags) => run((runs) => runs.runCopy(options, flags)));
}

/** The database's code is loaded only when one of these runs: the operator's commands are to start at once. */
async function run(command: (runs: typeof import("./backup-runs.ts")) => Promise<void>): Promise<void> {
  const runs = await import("./backup-runs.ts");
  await runs.tellingWhatHappened(() => command(runs));
}
