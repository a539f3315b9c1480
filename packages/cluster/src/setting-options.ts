import type { Command } from "commander";
import { type SettingName, settingNames } from "./config/settings.ts";

/** Gives a command the flags of settings of a node, and `--config`. */
export function withSettings(command: Command, names: readonly SettingName[]): Command {
  command.option("--config <file>", "settings in a JSON file; flags and environment win over it");
  for (const name of names) {
    const { flag, env, help } = settingNames[name];
    command.option(`${flag} <value>`, `${help} [${env}]`);
  }
  return command;
}
