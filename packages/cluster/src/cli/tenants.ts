import type { Command } from "commander";
import type { Tenant } from "./answers.ts";
import { jsonOf, list, post } from "./api.ts";
import { examples, jsonOption, type ListOptions, limitOption, printList, topic, withApi } from "./command.ts";
import { findTenant } from "./find.ts";
import type { Terminal } from "./terminal.ts";
import { asDetail, asJson, type Column, visible } from "./text.ts";
import { localTime, utcTime } from "./times.ts";

const columns: readonly Column<Tenant>[] = [
  { heading: "ID", value: ({ id }) => id },
  { heading: "NAME", value: ({ name }) => name },
  { heading: "CREATED", value: ({ createdAt }) => utcTime(createdAt) },
];

export function addTenantCommands(program: Command, terminal: Terminal): void {
  const tenant = topic(program, "tenant", "Tenants: isolated customers or divisions of the cluster.");

  tenant
    .command("list")
    .description("List the tenants that you see.")
    .option("--search <text>", "only those with this in their name")
    .addOption(limitOption())
    .addOption(jsonOption())
    .addHelpText("after", examples("postern tenant list", "postern tenant list --search acme --json"))
    .action(
      withApi(terminal, async (api, { search, ...options }: ListOptions & { search?: string }) => {
        const listed = await list<Tenant>(api, "/tenants", { q: search }, options.limit);
        printList(terminal, listed, options, { columns, none: "No tenants." });
      }),
    );

  tenant
    .command("show")
    .description("Show one tenant.")
    .argument("<tenant>", "its name or id")
    .addOption(jsonOption())
    .addHelpText("after", examples("postern tenant show acme"))
    .action(
      withApi(terminal, async (api, typed: string, { json }: { json?: true }) => {
        const found = await findTenant(api, typed);
        terminal.print(
          json
            ? asJson(found)
            : asDetail([
                ["id", found.id],
                ["name", found.name],
                ["created", `${localTime(found.createdAt)} (${utcTime(found.createdAt)})`],
                ["changed", `${localTime(found.changedAt)} (${utcTime(found.changedAt)})`],
              ]),
        );
      }),
    );

  tenant
    .command("create")
    .description("Make a tenant, with its profile Default. Prints its id.")
    .argument("<name>", "its name")
    .addHelpText("after", examples("postern tenant create acme", 'postern tenant create "Acme Rail, North"'))
    .action(
      withApi(terminal, async (api, name: string) => {
        const made: Tenant = await post(api, "/tenants", { name });
        terminal.print(`${made.id}\n`);
        terminal.say(`Made the tenant ${visible(made.name)}.\n`);
      }),
    );

  tenant
    .command("rename")
    .description("Give a tenant another name. Its id stays.")
    .argument("<tenant>", "its name or id")
    .argument("<name>", "its new name")
    .addHelpText("after", examples("postern tenant rename acme acme-rail"))
    .action(
      withApi(terminal, async (api, typed: string, name: string) => {
        const { id, name: before } = await findTenant(api, typed);
        const renamed: Tenant = jsonOf(api, await api.request("PATCH", `/tenants/${id}`, { body: { name } }));
        terminal.say(`Renamed the tenant ${visible(before)} to ${visible(renamed.name)}.\n`);
      }),
    );
}
