import { Argument, type Command } from "commander";
import type { User } from "./answers.ts";
import { type Api, jsonOf, list, post } from "./api.ts";
import { examples, jsonOption, type ListOptions, limitOption, printList, topic, withApi } from "./command.ts";
import { wrongUsage } from "./failure.ts";
import { findUser, tenantNames } from "./find.ts";
import { bindingOf, parseRole, roleOption, rolesHelp, rolesText, type TypedRole } from "./roles.ts";
import { readNewPassword, type Terminal } from "./terminal.ts";
import { asDetail, asJson, visible } from "./text.ts";
import { localTime, utcTime } from "./times.ts";

interface PasswordOption {
  readonly passwordStdin?: true;
}

const passwordFlag = ["--password-stdin", "read the password from the first line of standard input"] as const;

export function addUserCommands(program: Command, terminal: Terminal): void {
  const user = topic(program, "user", "Users: the people who work with the cluster, and their roles.");

  user
    .command("list")
    .description("List the users that you see, with their roles.")
    .option("--search <text>", "only those with this in their name")
    .addOption(limitOption())
    .addOption(jsonOption())
    .addHelpText("after", examples("postern user list", "postern user list --search ali --json"))
    .action(withApi(terminal, (api, options: ListOptions & { search?: string }) => listUsers(terminal, api, options)));

  user
    .command("show")
    .description("Show one user.")
    .argument("<user>", "name or id")
    .addOption(jsonOption())
    .addHelpText("after", examples("postern user show alice"))
    .action(
      withApi(terminal, async (api, typed: string, { json }: { json?: true }) => {
        const found = await findUser(api, typed);
        terminal.print(json ? asJson(found) : detailOf(found, await tenantNames(api)));
      }),
    );

  user
    .command("create")
    .description(`Make a user. Asks for the first password. Prints the id. ${rolesHelp}`)
    .argument("<name>", "the name to log in with")
    .addOption(roleOption("a role of the user; may be given several times"))
    .option(...passwordFlag)
    .addHelpText(
      "after",
      examples(
        "postern user create alice --role customer_support",
        "postern user create bob --role agent_installer@acme --password-stdin < first-password",
      ),
    )
    .action(
      withApi(terminal, async (api, name: string, options: PasswordOption & { role?: readonly TypedRole[] }) => {
        const roles = await Promise.all((options.role ?? []).map((role) => bindingOf(api, role)));
        const password = await readNewPassword(terminal, visible(name), options.passwordStdin ?? false);
        const made: User = await post(api, "/users", { name, password, roles });
        terminal.print(`${made.id}\n`);
        terminal.say(`Made the user ${visible(made.name)}.\n`);
      }),
    );

  user
    .command("grant")
    .description(`Give a user a role. ${rolesHelp}`)
    .argument("<user>", "name or id")
    .addArgument(new Argument("<role[@tenant]>", "the role, and the tenant it is for").argParser(parseRole))
    .addHelpText("after", examples("postern user grant alice auditor", "postern user grant bob tenant_owner@acme"))
    .action(
      withApi(terminal, async (api, typed: string, role: TypedRole) => {
        const { id } = await findUser(api, typed);
        const changed: User = await post(api, `/users/${id}/roles`, await bindingOf(api, role));
        terminal.print(detailOf(changed, await tenantNames(api)));
      }),
    );

  user
    .command("revoke")
    .description("Take a role from a user.")
    .argument("<user>", "name or id")
    .addArgument(new Argument("<role[@tenant]>", "the role, and the tenant it was for").argParser(parseRole))
    .addHelpText("after", examples("postern user revoke bob tenant_owner@acme"))
    .action(withApi(terminal, (api, typed: string, role: TypedRole) => revokeRole(terminal, api, typed, role)));

  user
    .command("set-password")
    .description("Give a user another password. Ends the user's sessions.")
    .argument("<user>", "name or id")
    .option(...passwordFlag)
    .addHelpText("after", examples("postern user set-password alice"))
    .action(
      withApi(terminal, async (api, typed: string, { passwordStdin }: PasswordOption) => {
        const { id, name } = await findUser(api, typed);
        const password = await readNewPassword(terminal, visible(name), passwordStdin ?? false);
        await api.request("PATCH", `/users/${id}`, { body: { password } });
        terminal.say(`${visible(name)} has a new password.\n`);
      }),
    );

  addSwitch(user, terminal, { verb: "disable", disabled: true, does: "Lock a user out. Ends the user's sessions." });
  addSwitch(user, terminal, { verb: "enable", disabled: false, does: "Let a disabled user log in again." });

  user
    .command("delete")
    .description("Delete a user, with the user's sessions and API keys. The audit log keeps the name.")
    .argument("<user>", "name or id")
    .addHelpText("after", examples("postern user delete bob"))
    .action(
      withApi(terminal, async (api, typed: string) => {
        const { id, name } = await findUser(api, typed);
        await api.request("DELETE", `/users/${id}`);
        terminal.say(`Deleted the user ${visible(name)}.\n`);
      }),
    );
}

function addSwitch(
  user: Command,
  terminal: Terminal,
  { verb, disabled, does }: { readonly verb: string; readonly disabled: boolean; readonly does: string },
): void {
  user
    .command(verb)
    .description(does)
    .argument("<user>", "name or id")
    .addHelpText("after", examples(`postern user ${verb} bob`))
    .action(
      withApi(terminal, async (api, typed: string) => {
        const { id } = await findUser(api, typed);
        const changed: User = jsonOf(api, await api.request("PATCH", `/users/${id}`, { body: { disabled } }));
        terminal.print(detailOf(changed, await tenantNames(api)));
      }),
    );
}

async function listUsers(terminal: Terminal, api: Api, options: ListOptions & { search?: string }): Promise<void> {
  const listed = await list<User>(api, "/users", { q: options.search }, options.limit);
  const names = options.json ? new Map<string, string>() : await tenantNames(api);
  printList(terminal, listed, options, {
    columns: [
      { heading: "ID", value: ({ id }) => id },
      { heading: "NAME", value: ({ name }) => name },
      { heading: "STATE", value: ({ disabled }) => (disabled ? "disabled" : "enabled") },
      { heading: "ROLES", value: ({ roles }) => rolesText(roles, names) },
    ],
    none: "No users.",
  });
}

async function revokeRole(terminal: Terminal, api: Api, typed: string, role: TypedRole): Promise<void> {
  const user = await findUser(api, typed);
  const { role: name, tenantId } = await bindingOf(api, role);
  const binding = user.roles.find((held) => held.role === name && held.tenantId === tenantId);
  const names = await tenantNames(api);
  if (!binding) {
    const held = rolesText(user.roles, names) || "none that you see";
    throw wrongUsage(visible(`${user.name} does not have this role.`), visible(`The roles of ${user.name}: ${held}.`));
  }
  await api.request("DELETE", `/users/${user.id}/roles/${binding.id}`);
  terminal.say(`${visible(`${user.name} no longer has the role ${rolesText([binding], names)}.`)}\n`);
}

function detailOf(user: User, names: ReadonlyMap<string, string>): string {
  return asDetail([
    ["id", user.id],
    ["name", user.name],
    ["state", user.disabled ? "disabled" : "enabled"],
    ["logs in by", user.loginBy === "provider" ? "the identity provider" : undefined],
    ["roles", rolesText(user.roles, names) || "-"],
    ["created", `${localTime(user.createdAt)} (${utcTime(user.createdAt)})`],
  ]);
}
