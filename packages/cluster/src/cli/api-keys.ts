import { type Command, Option } from "commander";
import type { ApiKey, NewApiKey } from "./answers.ts";
import { type Api, list, post } from "./api.ts";
import {
  examples,
  jsonOption,
  type ListOptions,
  limitOption,
  positiveInteger,
  printList,
  topic,
  withApi,
} from "./command.ts";
import { wrongUsage } from "./failure.ts";
import { findApiKey, tenantNames } from "./find.ts";
import { withFreshLogin } from "./login.ts";
import { bindingOf, roleOption, rolesHelp, rolesText, type TypedRole } from "./roles.ts";
import type { Terminal } from "./terminal.ts";
import { visible } from "./text.ts";
import { localTime, utcTime } from "./times.ts";

interface CreateOptions {
  readonly role?: readonly TypedRole[];
  readonly validDays?: number;
  readonly passwordStdin?: true;
}

export function addApiKeyCommands(program: Command, terminal: Terminal): void {
  const apiKey = topic(program, "api-key", "API keys: what programs of yours use instead of your password.");

  apiKey
    .command("list")
    .description("List your own API keys, without their secrets.")
    .addOption(limitOption())
    .addOption(jsonOption())
    .addHelpText("after", examples("postern api-key list"))
    .action(withApi(terminal, (api, options: ListOptions) => listKeys(terminal, api, options)));

  apiKey
    .command("create")
    .description(
      "Make an API key with roles that you hold yourself. It is printed this once; give it to a program as " +
        `POSTERN_API_KEY. Asks for your password when you logged in more than 15 minutes ago. ${rolesHelp}`,
    )
    .argument("<name>", "what it is for")
    .addOption(roleOption("a role of the key; may be given several times"))
    .addOption(new Option("--valid-days <n>", "how long it is good for (90)").argParser(positiveInteger))
    .option("--password-stdin", "read your password from the first line of standard input, should it be asked for")
    .addHelpText(
      "after",
      examples(
        "postern api-key create nightly-report --role auditor",
        "postern api-key create installer --role agent_installer@acme --valid-days 7",
      ),
    )
    .action(withApi(terminal, (api, name: string, options: CreateOptions) => createKey(terminal, api, name, options)));

  apiKey
    .command("revoke")
    .description("End one of your API keys.")
    .argument("<key>", "its name or id")
    .addHelpText("after", examples("postern api-key revoke nightly-report"))
    .action(
      withApi(terminal, async (api, typed: string) => {
        const { id, name } = await findApiKey(api, typed);
        await api.request("DELETE", `/api-keys/${id}`);
        terminal.say(`Revoked the API key ${visible(name)}.\n`);
      }),
    );
}

async function listKeys(terminal: Terminal, api: Api, options: ListOptions): Promise<void> {
  const listed = await list<ApiKey>(api, "/api-keys", {}, options.limit);
  const names = options.json || listed.items.length === 0 ? new Map<string, string>() : await tenantNames(api);
  printList(terminal, listed, options, {
    columns: [
      { heading: "ID", value: ({ id }) => id },
      { heading: "NAME", value: ({ name }) => name },
      { heading: "ROLES", value: ({ roles }) => rolesText(roles, names) },
      { heading: "EXPIRES", value: ({ expiresAt }) => utcTime(expiresAt) },
      { heading: "LAST USED", value: ({ usedAt }) => (usedAt === null ? "never" : utcTime(usedAt)) },
    ],
    none: "No API keys.",
  });
}

async function createKey(terminal: Terminal, api: Api, name: string, options: CreateOptions): Promise<void> {
  if (options.role === undefined) throw wrongUsage("Say what the key may do with --role.", rolesHelp);
  const roles = await Promise.all(options.role.map((role) => bindingOf(api, role)));
  const { validDays } = options;
  const body = { name, roles, ...(validDays === undefined ? {} : { validDays }) };
  const made = await withFreshLogin(terminal, api, options, () => post<NewApiKey>(api, "/api-keys", body));
  terminal.print(`${made.key}\n`);
  terminal.say(
    `The API key ${visible(made.name)} is good until ${localTime(made.expiresAt)} (${utcTime(made.expiresAt)}). ` +
      "It is not shown again.\n",
  );
}
