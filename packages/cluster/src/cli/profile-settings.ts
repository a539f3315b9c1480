import { type Command, InvalidArgumentError, Option } from "commander";
import type { Profile } from "./answers.ts";
import { onOrOff, positiveInteger } from "./command.ts";
import { duration } from "./times.ts";

/** The settings of a profile as they are typed. Commander takes null for nothing, so their undoing stays a word. */
export interface SettingOptions {
  readonly serviceProtection?: boolean;
  readonly services?: readonly string[];
  readonly liftSeconds?: number;
  readonly singleUse?: boolean;
  readonly requireChallenge?: boolean;
  readonly holdSeconds?: number | "usual";
  readonly afterSeconds?: number | "usual";
  readonly desiredVersion?: string;
  readonly cleanUpAfterDays?: number | "off";
}

export function addSettingOptions(command: Command): Command {
  const setting = <Value>(flags: string, description: string, read: (text: string) => Value) =>
    command.addOption(new Option(flags, description).argParser(read));
  setting("--service-protection <on|off>", "refuse to be stopped, disabled or uninstalled; Windows only", onOrOff);
  setting(
    "--services <names|none>",
    "Windows services of others to guard, too: names with commas between",
    namesOrNone,
  );
  setting("--lift-seconds <n>", "the longest budget of a lift, in seconds", positiveInteger);
  setting("--single-use <on|off>", "refuse a token's second presentation on the same agent", onOrOff);
  setting("--require-challenge <on|off>", "accept only tokens that answer a challenge", onOrOff);
  setting("--hold-seconds <n|usual>", "how long a check-in is held; 0: agents poll", secondsOrUsual);
  setting("--after-seconds <n|usual>", "how long agents wait after an answer", secondsOrUsual);
  setting("--desired-version <version|none>", "the agent version that is wanted", (text) => text);
  setting("--clean-up-after-days <n|off>", "delete agents that were silent for so long", daysOrOff);
  return command;
}

/** The change that these options are, for the API. */
export function settingsOf(options: SettingOptions): object {
  const { serviceProtection: on, services, liftSeconds, singleUse, requireChallenge } = options;
  const { holdSeconds, afterSeconds, desiredVersion, cleanUpAfterDays } = options;
  return given({
    serviceProtection: group({ on, services, liftSeconds, singleUse, requireChallenge }),
    checkIn: group({ holdMs: toMs(holdSeconds), afterMs: toMs(afterSeconds) }),
    desiredVersion: desiredVersion === "none" ? null : desiredVersion,
    cleanUpAfterDays: cleanUpAfterDays === "off" ? null : cleanUpAfterDays,
  });
}

/** The settings in words, in the order in which their flags stand. */
export function settingsRows(
  settings: Pick<Profile, "serviceProtection" | "checkIn" | "desiredVersion" | "cleanUpAfterDays">,
): [string, string][] {
  const { serviceProtection, checkIn, desiredVersion, cleanUpAfterDays } = settings;
  const { on, services, liftSeconds, singleUse, requireChallenge } = serviceProtection;
  return [
    ["service protection", word(on)],
    ["other services", services.length === 0 ? "none" : services.join(", ")],
    ["lift", `${liftSeconds} seconds (${duration(liftSeconds * 1000)})`],
    ["single use", word(singleUse)],
    ["challenge required", word(requireChallenge)],
    ["check-in held", checkIn.holdMs === 0 ? "no: agents poll" : secondsText(checkIn.holdMs)],
    ["check-in after", secondsText(checkIn.afterMs)],
    ["desired version", desiredVersion ?? "none"],
    ["clean-up", cleanUpAfterDays === null ? "off" : `after ${cleanUpAfterDays} days of silence`],
  ];
}

function given(members: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function group(members: Readonly<Record<string, unknown>>): object | undefined {
  const named = given(members);
  return Object.keys(named).length === 0 ? undefined : named;
}

function toMs(seconds: number | "usual" | undefined): number | null | undefined {
  return seconds === "usual" ? null : seconds && seconds * 1000;
}

function secondsText(ms: number | null): string {
  return ms === null ? "usual" : `${ms / 1000} seconds`;
}

function namesOrNone(text: string): string[] {
  return text === "none" ? [] : text.split(",").map((name) => name.trim());
}

function secondsOrUsual(text: string): number | "usual" {
  if (text === "usual") return text;
  if (!/^(?:0|[1-9][0-9]{0,4})$/.test(text)) throw new InvalidArgumentError("Give whole seconds, or usual.");
  return Number(text);
}

function daysOrOff(text: string): number | "off" {
  return text === "off" ? text : positiveInteger(text);
}

function word(on: boolean): string {
  return on ? "on" : "off";
}
