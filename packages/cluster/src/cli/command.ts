import { type Command, InvalidArgumentError, Option } from "commander";
import { type Api, connect, type Listed } from "./api.ts";
import type { Terminal } from "./terminal.ts";
import { asJson, asTable, type Column } from "./text.ts";

/** Rows of a list when nobody says how many. */
const defaultRows = 100;

export interface ListOptions {
  readonly json?: true;
  readonly limit: number;
}

/** Ends a command's help with commands to copy. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

/** `--json`, on every command that reads. */
export function jsonOption(): Option {
  return new Option("--json", "print JSON, for programs");
}

/** `--limit N`, on every list. */
export function limitOption(): Option {
  return new Option("--limit <n>", "show at most this many").default(defaultRows).argParser(positiveInteger);
}

export function positiveInteger(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError("Give a whole number, 1 or more.");
  return Number(text);
}

export function onOrOff(text: string): boolean {
  if (text !== "on" && text !== "off") throw new InvalidArgumentError("Give on or off.");
  return text === "on";
}

const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A point in time as RFC 3339, from one, or from a time ahead or ago such as `30m`, `12h`, `7d`. */
export function timeOption(terminal: Terminal, flags: string, description: string, towards: "ahead" | "ago"): Option {
  return new Option(flags, description).argParser((text) => {
    const [, count, unit] = /^([1-9][0-9]{0,5})([mhd])$/.exec(text) ?? [];
    const ms = Number(count) * unitMs[unit as keyof typeof unitMs];
    const instant = count === undefined ? Date.parse(text) : terminal.now() + (towards === "ahead" ? ms : -ms);
    if (!Number.isFinite(instant)) {
      throw new InvalidArgumentError("Give a time like 2026-12-31T18:00:00Z, or 30m, 12h, 7d.");
    }
    return new Date(instant).toISOString();
  });
}

/** An action that talks to the cluster the operator is logged in at. */
export function withApi<Arguments extends unknown[]>(
  terminal: Terminal,
  action: (api: Api, ...args: Arguments) => Promise<void>,
): (...args: Arguments) => Promise<void> {
  return async (...args) => action(await connect(terminal), ...args);
}

/** A list as a table for people, or as a JSON array. */
export function printList<Row>(
  terminal: Terminal,
  { items, more }: Listed<Row>,
  options: ListOptions,
  shown: { readonly columns: readonly Column<Row>[]; readonly none: string },
): void {
  if (options.json) terminal.print(asJson(items));
  else if (items.length === 0) terminal.say(`${shown.none}\n`);
  else terminal.print(asTable(items, shown.columns));
  if (more) terminal.say(`There are more than ${items.length}. Show more with --limit.\n`);
}

/** The commands of one topic: `postern agent`, `postern token`. Alone it shows its help. */
export function topic(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .helpCommand(false)
    .addHelpText("after", ({ command }) => `\nEach has examples: ${pathOf(command)} COMMAND --help\n`);
}

/** A command as it is typed. */
function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
