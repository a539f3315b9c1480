import type { Command } from "commander";
import type { Profile } from "./answers.ts";
import { type Api, jsonOf, list, post } from "./api.ts";
import { examples, jsonOption, type ListOptions, limitOption, printList, topic, withApi } from "./command.ts";
import { wrongUsage } from "./failure.ts";
import { findProfile, findTenant, tenantNames, tenantOrOnly } from "./find.ts";
import { addSettingOptions, type SettingOptions, settingsOf, settingsRows } from "./profile-settings.ts";
import { addProfileVersionCommands } from "./profile-versions.ts";
import type { Terminal } from "./terminal.ts";
import { asDetail, asJson, type Column, visible } from "./text.ts";
import { localTime, utcTime } from "./times.ts";

interface TenantOption {
  readonly tenant?: string;
}

export function addProfileCommands(program: Command, terminal: Terminal): void {
  const profile = topic(
    program,
    "profile",
    "Agent config profiles: settings of agents, service protection among them.",
  );

  profile
    .command("list")
    .description("List the profiles that you see.")
    .option("--tenant <tenant>", "only those of this tenant (name or id)")
    .addOption(limitOption())
    .addOption(jsonOption())
    .addHelpText("after", examples("postern profile list", "postern profile list --tenant acme --json"))
    .action(withApi(terminal, (api, options: ListOptions & TenantOption) => listProfiles(terminal, api, options)));

  profile
    .command("show")
    .description("Show one profile.")
    .argument("<profile>", "its name or id")
    .option("--tenant <tenant>", "the tenant it belongs to (name or id)")
    .addOption(jsonOption())
    .addHelpText("after", examples("postern profile show Default --tenant acme"))
    .action(
      withApi(terminal, async (api, typed: string, { tenant, json }: TenantOption & { json?: true }) => {
        const found = await findProfile(api, typed, tenant);
        terminal.print(json ? asJson(found) : detailOf(found));
      }),
    );

  const create = profile
    .command("create")
    .description("Make a profile. Prints its id. Service protection is off unless you switch it on.")
    .argument("<name>", "its name")
    .option("--tenant <tenant>", "the tenant it belongs to (name or id); needed when you see several");
  addSettingOptions(create)
    .addHelpText("after", examples("postern profile create locked --tenant acme --service-protection on"))
    .action(
      withApi(terminal, async (api, name: string, options: SettingOptions & TenantOption) => {
        const tenant = await tenantOrOnly(api, options.tenant);
        const body = { tenantId: tenant.id, name, ...settingsOf(options) };
        const made: Profile = await post(api, "/profiles", body);
        terminal.print(`${made.id}\n`);
        terminal.say(`Made the profile ${visible(made.name)} of the tenant ${visible(tenant.name)}.\n`);
        warnOfPackage(terminal, made);
      }),
    );

  const set = profile
    .command("set")
    .description("Change a profile. Connected agents have the change within about a second.")
    .argument("<profile>", "its name or id")
    .option("--tenant <tenant>", "the tenant it belongs to (name or id)")
    .option("--name <name>", "its new name");
  addSettingOptions(set)
    .addHelpText(
      "after",
      examples(
        "postern profile set Default --tenant acme --service-protection on",
        "postern profile set locked --lift-seconds 3600 --single-use on --services Sysmon64,osqueryd",
        "postern profile set branches --hold-seconds 0 --after-seconds 300",
      ),
    )
    .action(
      withApi(terminal, (api, typed: string, options: SettingOptions & TenantOption & { name?: string }) =>
        setProfile(terminal, api, typed, options),
      ),
    );

  profile
    .command("delete")
    .description("Delete a profile. The profile Default of a tenant stays.")
    .argument("<profile>", "its name or id")
    .option("--tenant <tenant>", "the tenant it belongs to (name or id)")
    .addHelpText("after", examples("postern profile delete locked --tenant acme"))
    .action(
      withApi(terminal, async (api, typed: string, { tenant }: TenantOption) => {
        const found = await findProfile(api, typed, tenant);
        await api.request("DELETE", `/profiles/${found.id}`);
        terminal.say(`Deleted the profile ${visible(found.name)}.\n`);
      }),
    );

  addProfileVersionCommands(profile, terminal);
}

async function listProfiles(terminal: Terminal, api: Api, options: ListOptions & TenantOption): Promise<void> {
  const tenantId = options.tenant === undefined ? undefined : (await findTenant(api, options.tenant)).id;
  const listed = await list<Profile>(api, "/profiles", { tenantId }, options.limit);
  const names = options.json ? new Map<string, string>() : await tenantNames(api);
  const columns: readonly Column<Profile>[] = [
    { heading: "ID", value: ({ id }) => id },
    { heading: "TENANT", value: (row) => names.get(row.tenantId) ?? row.tenantId },
    { heading: "NAME", value: ({ name }) => name },
    { heading: "SERVICE PROTECTION", value: ({ serviceProtection }) => (serviceProtection.on ? "on" : "off") },
    { heading: "CHANGED", value: ({ changedAt }) => utcTime(changedAt) },
  ];
  printList(terminal, listed, options, { columns, none: "No profiles." });
}

async function setProfile(
  terminal: Terminal,
  api: Api,
  typed: string,
  options: SettingOptions & TenantOption & { name?: string },
): Promise<void> {
  const { name } = options;
  const body = { ...(name === undefined ? {} : { name }), ...settingsOf(options) };
  if (Object.keys(body).length === 0) {
    throw wrongUsage("Nothing to change was given.", "postern profile set --help shows what can be set.");
  }
  const found = await findProfile(api, typed, options.tenant);
  const changed: Profile = jsonOf(api, await api.request("PATCH", `/profiles/${found.id}`, { body }));
  terminal.print(detailOf(changed));
  warnOfPackage(terminal, changed);
}

/** Nothing is wrong: the package may come later. But until then no agent changes its version. */
function warnOfPackage(terminal: Terminal, { desiredVersion, packageHere }: Profile): void {
  if (desiredVersion === null || packageHere !== false) return;
  terminal.say(`No package of ${desiredVersion} is here yet; agents wait for it. Add it: postern package add FILE\n`);
}

function detailOf({ id, tenantId, name, changedAt, ...settings }: Profile): string {
  return asDetail([
    ["id", id],
    ["tenant", tenantId],
    ["name", name],
    ...settingsRows(settings),
    ["changed", `${localTime(changedAt)} (${utcTime(changedAt)})`],
  ]);
}
