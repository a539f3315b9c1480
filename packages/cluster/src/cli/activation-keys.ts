import { type Command, Option } from "commander";
import type { ActivationKey, NewActivationKey } from "./answers.ts";
import { type Api, list, post } from "./api.ts";
import {
  examples,
  jsonOption,
  type ListOptions,
  limitOption,
  positiveInteger,
  printList,
  timeOption,
  topic,
  withApi,
} from "./command.ts";
import { findTenant, tenantNames, tenantOrOnly } from "./find.ts";
import type { Terminal } from "./terminal.ts";
import { type Column, visible } from "./text.ts";
import { fromNow, localTime, utcTime } from "./times.ts";

interface TenantOption {
  readonly tenant?: string;
}

interface CreateOptions extends TenantOption {
  readonly uses?: number;
  readonly expires?: string;
  readonly description?: string;
}

export function addActivationKeyCommands(program: Command, terminal: Terminal): void {
  const activationKey = topic(
    program,
    "activation-key",
    "Activation keys: what agents present to enrol into a tenant.",
  );

  activationKey
    .command("list")
    .description("List activation keys, without their secrets.")
    .option("--tenant <tenant>", "only those of this tenant (name or id)")
    .addOption(limitOption())
    .addOption(jsonOption())
    .addHelpText("after", examples("postern activation-key list --tenant acme"))
    .action(withApi(terminal, (api, options: ListOptions & TenantOption) => listKeys(terminal, api, options)));

  activationKey
    .command("create")
    .description(
      "Make an activation key. It is printed this once; whoever holds it can enrol agents into the tenant. " +
        "It is good for one agent and 7 days unless you say otherwise.",
    )
    .option("--tenant <tenant>", "the tenant that agents enrol into (name or id); needed when you see several")
    .addOption(new Option("--uses <n>", "how many agents can enrol with it").argParser(positiveInteger))
    .addOption(timeOption(terminal, "--expires <time>", "when it ends: 12h, 30d, or 2026-12-31T18:00:00Z", "ahead"))
    .option("--description <text>", "what it is for")
    .addHelpText(
      "after",
      examples(
        "postern activation-key create --tenant acme",
        'postern activation-key create --tenant acme --uses 200 --expires 30d --description "rollout, hall 3"',
      ),
    )
    .action(withApi(terminal, (api, options: CreateOptions) => createKey(terminal, api, options)));

  activationKey
    .command("revoke")
    .description("Revoke an activation key. Agents that enrolled with it stay.")
    .argument("<id>", "its id, as postern activation-key list shows it")
    .addHelpText("after", examples("postern activation-key revoke 019a8f00-5a3e-7c41-9a77-0d2f6f1c2b34"))
    .action(
      withApi(terminal, async (api, id: string) => {
        await api.request("DELETE", `/activation-keys/${encodeURIComponent(id)}`);
        terminal.say("Revoked. No further agent can enrol with it.\n");
      }),
    );
}

async function listKeys(terminal: Terminal, api: Api, options: ListOptions & TenantOption): Promise<void> {
  const tenantId = options.tenant === undefined ? undefined : (await findTenant(api, options.tenant)).id;
  const listed = await list<ActivationKey>(api, "/activation-keys", { tenantId }, options.limit);
  const names = options.json ? new Map<string, string>() : await tenantNames(api);
  const columns: readonly Column<ActivationKey>[] = [
    { heading: "ID", value: ({ id }) => id },
    { heading: "TENANT", value: (row) => names.get(row.tenantId) ?? row.tenantId },
    { heading: "STATE", value: ({ state }) => state },
    { heading: "USES", value: ({ uses, maxUses }) => `${uses} of ${maxUses}` },
    { heading: "EXPIRES", value: ({ expiresAt }) => utcTime(expiresAt) },
    { heading: "DESCRIPTION", value: ({ description }) => description },
  ];
  printList(terminal, listed, options, { columns, none: "No activation keys." });
}

async function createKey(terminal: Terminal, api: Api, options: CreateOptions): Promise<void> {
  const tenant = await tenantOrOnly(api, options.tenant);
  const { uses: maxUses, expires: expiresAt, description } = options;
  const given = Object.entries({ maxUses, expiresAt, description }).filter(([, value]) => value !== undefined);
  const made: NewActivationKey = await post(api, "/activation-keys", {
    tenantId: tenant.id,
    ...Object.fromEntries(given),
  });
  terminal.print(`${made.key}\n`);
  const expiry = `${localTime(made.expiresAt)} (${utcTime(made.expiresAt)}, ${fromNow(made.expiresAt, terminal.now())})`;
  terminal.say(
    `For ${made.maxUses === 1 ? "one agent" : `${made.maxUses} agents`} of the tenant ${visible(tenant.name)}, ` +
      `until ${expiry}.\nIt is not shown again. On the workload, as an administrator:\n` +
      `  PosternAgent.exe -enroll -cluster ${api.url} -key -\n`,
  );
}
