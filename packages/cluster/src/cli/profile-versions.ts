import type { Command } from "commander";
import type { Profile, ProfilePreview, ProfileVersion } from "./answers.ts";
import { list, post } from "./api.ts";
import {
  examples,
  jsonOption,
  type ListOptions,
  limitOption,
  onOrOff,
  positiveInteger,
  printList,
  withApi,
} from "./command.ts";
import { findProfile } from "./find.ts";
import type { Terminal } from "./terminal.ts";
import { asJson, type Column, visible } from "./text.ts";
import { utcTime } from "./times.ts";

interface TenantOption {
  readonly tenant?: string;
}

/** `postern profile versions`, `rollback` and `preview`: what a profile was, the way back, and what a switch would do. */
export function addProfileVersionCommands(profile: Command, terminal: Terminal): void {
  profile
    .command("versions")
    .description("List the states that a profile was in, newest first, with who made them and what differs.")
    .argument("<profile>", "its name or id")
    .option("--tenant <tenant>", "the tenant it belongs to (name or id)")
    .addOption(limitOption())
    .addOption(jsonOption())
    .addHelpText("after", examples("postern profile versions locked"))
    .action(
      withApi(terminal, async (api, typed: string, options: ListOptions & TenantOption) => {
        const { id } = await findProfile(api, typed, options.tenant);
        const listed = await list<ProfileVersion>(api, `/profiles/${id}/versions`, {}, options.limit);
        printList(terminal, listed, options, { columns, none: "No versions." });
      }),
    );

  profile
    .command("rollback")
    .description("Put the settings of an earlier version back, as a new version. Its agents have them at once.")
    .argument("<profile>", "its name or id")
    .argument("<version>", "the version", positiveInteger)
    .option("--tenant <tenant>", "the tenant it belongs to (name or id)")
    .addHelpText("after", examples("postern profile rollback locked 3"))
    .action(
      withApi(terminal, async (api, typed: string, version: number, { tenant }: TenantOption) => {
        const { id } = await findProfile(api, typed, tenant);
        const { name }: Profile = await post(api, `/profiles/${id}/rollback`, { version });
        terminal.say(`The profile ${visible(name)} has the settings of version ${version}.\n`);
      }),
    );

  profile
    .command("preview")
    .description("Show how many agents would gain or lose protection if it were switched in this profile.")
    .argument("<profile>", "its name or id")
    .requiredOption("--service-protection <on|off>", "as it would be", onOrOff)
    .option("--tenant <tenant>", "the tenant it belongs to (name or id)")
    .addOption(jsonOption())
    .addHelpText("after", examples("postern profile preview Default --tenant acme --service-protection off"))
    .action(
      withApi(
        terminal,
        async (api, typed: string, options: TenantOption & { serviceProtection: boolean; json?: true }) => {
          const { id } = await findProfile(api, typed, options.tenant);
          const body = { serviceProtection: { on: options.serviceProtection } };
          const found: ProfilePreview = await post(api, `/profiles/${id}/preview`, body);
          const { agents, gains, loses } = found;
          const sentence = `Of ${agents} Windows agents, ${gains} would gain protection, ${loses} would lose it.\n`;
          terminal.print(options.json ? asJson(found) : sentence);
        },
      ),
    );
}

const columns: readonly Column<ProfileVersion>[] = [
  { heading: "VERSION", value: ({ version }) => String(version) },
  { heading: "MADE", value: ({ madeAt }) => utcTime(madeAt) },
  { heading: "BY", value: ({ madeBy }) => madeBy.name },
  { heading: "WHAT", value: (row) => whatOf(row) },
];

function whatOf({ version, changes, rollbackOf }: ProfileVersion): string {
  const members = Object.entries(changes).map(([member, { from, to }]) => `${member}: ${word(from)} -> ${word(to)}`);
  if (version === 1) return "made";
  return [...members, ...(rollbackOf === null ? [] : [`(rollback to ${rollbackOf})`])].join(" ");
}

function word(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.join(",");
  return value === null ? "none" : String(value);
}
