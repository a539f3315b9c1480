import { type Command, Option } from "commander";
import type { AgentDetail, Intent, IntentFilter, IntentPreview, Profile } from "./answers.ts";
import { type Api, jsonOf, list, post } from "./api.ts";
import { examples, jsonOption, type ListOptions, positiveInteger, printList, topic, withApi } from "./command.ts";
import { wrongUsage } from "./failure.ts";
import { findAgent, findById, findProfile, isId, pickOne, tenantOrOnly } from "./find.ts";
import type { Terminal } from "./terminal.ts";
import { asJson, asTable, type Column, visible } from "./text.ts";

interface TenantOption {
  readonly tenant?: string;
}

interface FilterOptions {
  readonly platform?: readonly string[];
  readonly host?: string;
  readonly label?: readonly string[];
  readonly address?: readonly string[];
}

interface CreateOptions extends TenantOption, FilterOptions {
  readonly profile?: string;
  readonly at?: number;
}

interface PreviewOptions extends CreateOptions {
  readonly delete?: string;
  readonly move?: string;
  readonly json?: true;
}

/** The most intents that a tenant can have. */
const most = 500;

export function addIntentCommands(program: Command, terminal: Terminal): void {
  const intent = topic(
    program,
    "intent",
    "Agent config intents: which agents get which profile. A tenant's intents are one list; the first that fits wins.",
  );

  intent
    .command("list")
    .description("List a tenant's intents in their order.")
    .option("--tenant <tenant>", "the tenant (name or id); needed when you see several")
    .addOption(jsonOption())
    .addHelpText("after", examples("postern intent list --tenant acme"))
    .action(
      withApi(terminal, async (api, { tenant, json }: TenantOption & { json?: true }) => {
        const { id } = await tenantOrOnly(api, tenant);
        const listed = await list<Intent>(api, "/intents", { tenantId: id }, most);
        const options: ListOptions = { limit: most, ...(json && { json }) };
        const columns = columnsOf(json ? new Map() : await profileNames(api, id));
        printList(terminal, listed, options, { columns, none: "No intents: every agent has the profile Default." });
      }),
    );

  addFilterOptions(
    intent
      .command("create")
      .description("Make an intent. Prints its id. Without a filter it is for all agents.")
      .argument("<name>", "its name"),
  )
    .requiredOption("--profile <profile>", "the profile that its agents get (name or id)")
    .addHelpText(
      "after",
      examples(
        'postern intent create workstations --tenant acme --profile locked --host "ws-*" --platform windows',
        "postern intent create lab --tenant acme --profile Default --address 10.9.0.0/16 2001:db8::/32 --at 1",
      ),
    )
    .action(
      withApi(terminal, async (api, name: string, options: CreateOptions) => {
        const { id: tenantId } = await tenantOrOnly(api, options.tenant);
        const { id: profileId } = await findProfile(api, options.profile ?? "", tenantId);
        const position = options.at === undefined ? {} : { position: options.at - 1 };
        const body = { tenantId, name, profileId, filter: filterOf(options), ...position };
        const made: Intent = await post(api, "/intents", body);
        terminal.print(`${made.id}\n`);
        terminal.say(`Made the intent ${visible(made.name)}; it stands at place ${made.position + 1}.\n`);
      }),
    );

  intent
    .command("move")
    .description("Put an intent at another place of its tenant's order.")
    .argument("<intent>", "its name or id")
    .requiredOption("--to <place>", "its new place, from 1", positiveInteger)
    .option("--tenant <tenant>", "the tenant (name or id); needed when you see several")
    .addHelpText("after", examples("postern intent move workstations --to 1 --tenant acme"))
    .action(
      withApi(terminal, async (api, typed: string, { tenant, to }: TenantOption & { to: number }) => {
        const { tenantId, intents, etag } = await orderedIntents(api, tenant);
        const found = pickIntent(intents, typed);
        const order = moved(intents, found, to);
        const body = { tenantId, intentIds: order.map(({ id }) => id) };
        // Only if the order is still the one that was just read.
        await api.request("PUT", "/intents/order", { body, headers: { "if-match": etag } });
        const place = order.indexOf(found) + 1;
        terminal.say(`The intent ${visible(found.name)} stands at place ${place} of ${order.length}.\n`);
      }),
    );

  intent
    .command("delete")
    .description("Delete an intent. Its agents go to the next intent that fits, or to the profile Default.")
    .argument("<intent>", "its name or id")
    .option("--tenant <tenant>", "the tenant (name or id); needed when you see several")
    .addHelpText("after", examples("postern intent delete lab --tenant acme"))
    .action(
      withApi(terminal, async (api, typed: string, { tenant }: TenantOption) => {
        const found = isId(typed)
          ? await findById<Intent>(api, "intent", "/intents", typed, "postern intent list")
          : pickIntent((await orderedIntents(api, tenant)).intents, typed);
        await api.request("DELETE", `/intents/${found.id}`);
        terminal.say(`Deleted the intent ${visible(found.name)}.\n`);
      }),
    );

  addFilterOptions(
    intent
      .command("preview")
      .description("Show which agents would get another profile if you made, moved or deleted an intent."),
  )
    .option("--profile <profile>", "making one: the profile that its agents would get (name or id)")
    .option("--move <intent>", "moving this one to the place --at")
    .option("--delete <intent>", "deleting this one")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        'postern intent preview --tenant acme --profile locked --host "ws-*"',
        "postern intent preview --tenant acme --move workstations --at 1",
        "postern intent preview --tenant acme --delete lab",
      ),
    )
    .action(withApi(terminal, (api, options: PreviewOptions) => preview(terminal, api, options)));
}

/** `postern agent confirm-drop`: the word of an agent's facts is taken, and its protection goes. */
export function addConfirmDropCommand(agent: Command, terminal: Terminal): void {
  agent
    .command("confirm-drop")
    .description("Let an agent go to the unprotecting profile that its facts alone would give it.")
    .argument("<agent>", "host name or id")
    .option("--tenant <tenant>", "the tenant it belongs to (name or id)")
    .addHelpText("after", examples("postern agent confirm-drop WS-PAYROLL-07"))
    .action(
      withApi(terminal, async (api, typed: string, { tenant }: TenantOption) => {
        const { id } = await findAgent(api, typed, tenant);
        const { wouldDrop, hostName } = await findById<AgentDetail>(api, "agent", "/agents", id, "postern agent list");
        if (wouldDrop === null) throw wrongUsage(`${visible(hostName)} waits for nothing to be confirmed.`);
        const body = { profileId: wouldDrop.profileId };
        const { profile }: AgentDetail = await post(api, `/agents/${id}/confirm-drop`, body);
        terminal.say(`${visible(hostName)} now has the profile ${visible(profile.name)}.\n`);
      }),
    );
}

function addFilterOptions(command: Command): Command {
  const platforms = ["windows", "linux", "macos", "aix", "solaris"];
  return command
    .option("--tenant <tenant>", "the tenant (name or id); needed when you see several")
    .addOption(new Option("--platform <platforms...>", "agents on one of these platforms").choices(platforms))
    .option("--host <pattern>", "agents whose whole host name fits; * is any text, ? one character")
    .option("--label <labels...>", "agents that have all of these labels")
    .option("--address <ranges...>", "agents with an address in one of these ranges, such as 10.0.0.0/8")
    .option("--at <place>", "its place in the order, from 1; else the last", positiveInteger);
}

async function preview(terminal: Terminal, api: Api, options: PreviewOptions): Promise<void> {
  const given = [options.profile, options.move, options.delete].filter((one) => one !== undefined);
  if (given.length !== 1) throw wrongUsage("Say what you would do: --profile, --move or --delete, one of them.");
  const { tenantId, intents } = await orderedIntents(api, options.tenant);
  const wanted = (await proposed(api, tenantId, intents, options)).map(({ profileId, filter }) => ({
    profileId,
    filter,
  }));
  const found: IntentPreview = await post(api, "/intents/preview", { tenantId, intents: wanted });
  if (options.json) {
    terminal.print(asJson(found));
    return;
  }
  if (found.moved === 0) terminal.print("No agent would get another profile.\n");
  else {
    const agents = found.moved === 1 ? "1 agent" : `${found.moved} agents`;
    terminal.print(
      `${agents} would get another profile: ${found.gains} would gain protection, ${found.loses} would lose it.\n`,
    );
    const names = await profileNames(api, tenantId);
    const columns: readonly Column<IntentPreview["agents"][number]>[] = [
      { heading: "HOST", value: ({ hostName }) => hostName },
      { heading: "FROM", value: ({ fromProfileId }) => names.get(fromProfileId) ?? fromProfileId },
      { heading: "TO", value: ({ toProfileId }) => names.get(toProfileId) ?? toProfileId },
      { heading: "PROTECTION", value: ({ effect }) => (effect === "neither" ? "as before" : effect) },
      { heading: "ID", value: ({ id }) => id },
    ];
    terminal.print(asTable(found.agents, columns));
    if (found.agents.length < found.moved) terminal.say(`These are the first ${found.agents.length}.\n`);
  }
  if (found.held > 0) terminal.say(`${found.held} would wait for postern agent confirm-drop.\n`);
}

/** The tenant's list as it would be. */
async function proposed(
  api: Api,
  tenantId: string,
  intents: readonly Intent[],
  options: PreviewOptions,
): Promise<readonly Pick<Intent, "profileId" | "filter">[]> {
  const place = options.at ?? intents.length + 1;
  if (options.delete !== undefined) {
    const gone = pickIntent(intents, options.delete);
    return intents.filter((one) => one !== gone);
  }
  if (options.move !== undefined) return moved(intents, pickIntent(intents, options.move), place);
  const { id: profileId } = await findProfile(api, options.profile ?? "", tenantId);
  const list: Pick<Intent, "profileId" | "filter">[] = [...intents];
  list.splice(place - 1, 0, { profileId, filter: filterOf(options) });
  return list;
}

function moved(intents: readonly Intent[], intent: Intent, place: number): Intent[] {
  const order = intents.filter((one) => one !== intent);
  order.splice(place - 1, 0, intent);
  return order;
}

function filterOf({ platform, host, label, address }: FilterOptions): IntentFilter {
  return {
    ...(platform && { platforms: platform }),
    ...(host !== undefined && { hostName: host }),
    ...(label && { labels: label }),
    ...(address && { addresses: address }),
  };
}

async function orderedIntents(api: Api, tenant: string | undefined) {
  const { id: tenantId } = await tenantOrOnly(api, tenant);
  const answer = await api.request("GET", "/intents", { query: { tenantId, limit: most } });
  const { items }: { items: readonly Intent[] } = jsonOf(api, answer);
  return { tenantId, intents: items, etag: answer.headers.get("etag") ?? "*" };
}

/** One of a tenant's intents by its id or its name. @throws {CommandFailed} 2 */
function pickIntent(intents: readonly Intent[], typed: string): Intent {
  return pickOne(intents, {
    noun: "intent",
    typed,
    nameOf: ({ id, name }) => (isId(typed) ? id : name),
    describe: ({ id, name }) => `${id}  ${name}`,
    listedBy: "postern intent list",
  });
}

async function profileNames(api: Api, tenantId: string): Promise<ReadonlyMap<string, string>> {
  const { items } = await list<Profile>(api, "/profiles", { tenantId }, 5_000);
  return new Map(items.map(({ id, name }) => [id, name]));
}

function columnsOf(names: ReadonlyMap<string, string>): readonly Column<Intent>[] {
  return [
    { heading: "PLACE", value: ({ position }) => String(position + 1) },
    { heading: "NAME", value: ({ name }) => name },
    { heading: "PROFILE", value: ({ profileId }) => names.get(profileId) ?? profileId },
    { heading: "AGENTS", value: ({ filter }) => filterText(filter) },
    { heading: "ID", value: ({ id }) => id },
  ];
}

function filterText({ platforms = [], hostName, labels = [], addresses = [] }: IntentFilter): string {
  const parts = [
    platforms.join(" or "),
    hostName ?? "",
    labels.length > 0 ? `labels ${labels.join(" and ")}` : "",
    addresses.length > 0 ? `in ${addresses.join(" or ")}` : "",
  ].filter((part) => part !== "");
  return parts.length > 0 ? parts.join(", ") : "all";
}
