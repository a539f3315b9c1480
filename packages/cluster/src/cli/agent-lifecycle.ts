import type { Command } from "commander";
import { selectionOf } from "./agent-labels.ts";
import type { Agent, CleanUpPreview, Tombstone } from "./answers.ts";
import { type Api, get, list, post } from "./api.ts";
import { examples, jsonOption, type ListOptions, limitOption, positiveInteger, printList, withApi } from "./command.ts";
import { wrongUsage } from "./failure.ts";
import { findAgent, findProfile, findTenant } from "./find.ts";
import { withFreshLogin } from "./login.ts";
import type { Terminal } from "./terminal.ts";
import { asJson, asTable, type Column, visible } from "./text.ts";
import { fromNow, utcTime } from "./times.ts";

interface TenantOption {
  readonly tenant?: string;
}

interface DecommissionOptions extends TenantOption {
  readonly search?: string;
  readonly withLabel?: string;
  readonly all?: true;
  readonly preview?: true;
  readonly cancel?: true;
  readonly passwordStdin?: true;
  readonly json?: true;
}

interface DecommissionPreview {
  readonly matched: number;
  readonly changed: number;
  readonly protected: number;
}

/** `postern agent decommission`, `delete`, `deleted`, `replaced`, `confirm-restored` and `clean-up`. */
export function addLifecycleCommands(agent: Command, terminal: Terminal): void {
  addDecommissionCommand(agent, terminal);

  agent
    .command("delete")
    .description("Delete agents. Their protection stays as it is; a token can still be generated for each of them.")
    .argument("<agents...>", "host names or ids")
    .option("--tenant <tenant>", "the tenant that the agents belong to (name or id)")
    .addHelpText("after", examples("postern agent delete WS-PAYROLL-07", "postern agent deleted --search ws-payroll"))
    .action(
      withApi(terminal, async (api, typed: readonly string[], { tenant }: TenantOption) => {
        const agents = await named(api, typed, tenant); // all of them are looked up before the first is deleted
        for (const { id, hostName } of agents) {
          await api.request("DELETE", `/agents/${id}`);
          terminal.print(`Deleted ${visible(hostName)}.\n`);
        }
        terminal.say("Where protection is on it stays on: decommission an agent to switch it off for good.\n");
      }),
    );

  agent
    .command("deleted")
    .description("List deleted agents: tokens can still be generated for them, by their ids.")
    .option("--tenant <tenant>", "only those of this tenant (name or id)")
    .option("--search <text>", "only those with this in their host name")
    .addOption(limitOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        "postern agent deleted --search ws-payroll",
        "postern token generate --agent WS-PAYROLL-07 --reason 'it was deleted and runs on'",
      ),
    )
    .action(
      withApi(terminal, async (api, options: ListOptions & TenantOption & { search?: string }) => {
        const tenantId = options.tenant === undefined ? undefined : (await findTenant(api, options.tenant)).id;
        const query = { tenantId, q: options.search };
        const listed = await list<Tombstone>(api, "/agents/tombstones", query, options.limit);
        printList(terminal, listed, options, { columns: tombstoneColumns, none: "No deleted agents." });
      }),
    );

  agent
    .command("replaced")
    .description("Say that another agent took an agent's place, as after a machine was set up anew. Nothing is merged.")
    .argument("<agent>", "host name or id")
    .option("--by <agent>", "the agent that took its place (host name or id)")
    .option("--cancel", "take it back")
    .option("--tenant <tenant>", "the tenant that the agents belong to (name or id)")
    .addHelpText("after", examples("postern agent replaced 019a0c…-e001 --by 019a0d…-e002"))
    .action(
      withApi(terminal, async (api, typed: string, options: TenantOption & { by?: string; cancel?: true }) => {
        const { id, hostName } = await findAgent(api, typed, options.tenant);
        if (options.cancel) await api.request("DELETE", `/agents/${id}/replaced`);
        else {
          const by = options.by === undefined ? undefined : await findAgent(api, options.by, options.tenant);
          await api.request("POST", `/agents/${id}/replaced`, { body: { byAgentId: by?.id } });
        }
        terminal.print(`${visible(hostName)} is ${options.cancel ? "not replaced any more" : "replaced"}.\n`);
      }),
    );

  agent
    .command("confirm-restored")
    .description("Say that you have looked at an agent that came back after a restore: its labels are gone.")
    .argument("<agent>", "host name or id")
    .option("--tenant <tenant>", "the tenant that it belongs to (name or id)")
    .addHelpText(
      "after",
      examples("postern agent confirm-restored WS-07", "postern agent confirm-restored db-07.example.com"),
    )
    .action(
      withApi(terminal, async (api, typed: string, { tenant }: TenantOption) => {
        const { id, hostName } = await findAgent(api, typed, tenant);
        await api.request("POST", `/agents/${id}/confirm-restored`, { body: {} });
        terminal.print(`${visible(hostName)} is an agent like any other again.\n`);
      }),
    );

  addCleanUpCommand(agent, terminal);
}

function addDecommissionCommand(agent: Command, terminal: Terminal): void {
  agent
    .command("decommission")
    .description(
      "Switch the protection of agents off for good, by a signed config. Each is heard no more once it has done so.",
    )
    .argument("[agents...]", "host names or ids")
    .option("--tenant <tenant>", "the tenant that the agents belong to (name or id)")
    .option("--search <text>", "instead of names: those with this in their host name or in a label")
    .option("--with-label <label>", "instead of names: those with this label")
    .option("--all", "instead of names: all that you see, or all of --tenant")
    .option("--preview", "only say how many agents it would be")
    .option("--cancel", "take it back, for agents that have not carried it out yet")
    .option("--password-stdin", "read your password from the first line of standard input, should it be asked for")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        "postern agent decommission WS-PAYROLL-07",
        "postern agent decommission --with-label hall-3 --preview",
        "postern agent decommission WS-PAYROLL-07 --cancel",
      ),
    )
    .action(
      withApi(terminal, async (api, typed: readonly string[], options: DecommissionOptions) => {
        if (options.cancel) return cancel(terminal, api, typed, options);
        const selection = await selectionOf(api, typed, options);
        const preview: DecommissionPreview = await post(api, "/agents/decommission/preview", selection);
        if (options.preview) {
          return terminal.print(options.json ? asJson(preview) : `Would decommission ${sentenceOf(preview)}.\n`);
        }
        const body = { ...selection, matched: preview.matched };
        const result = await withFreshLogin(terminal, api, options, () =>
          post<{ matched: number; changed: number }>(api, "/agents/decommission", body),
        );
        if (options.json) return terminal.print(asJson(result));
        terminal.print(`Asked for the end of ${sentenceOf({ ...preview, changed: result.changed })}.\n`);
        terminal.say("Each is decommissioned once it has said that its protection is off. Until then: --cancel.\n");
      }),
    );
}

async function cancel(
  terminal: Terminal,
  api: Api,
  typed: readonly string[],
  { tenant }: DecommissionOptions,
): Promise<void> {
  if (typed.length === 0) throw wrongUsage("Name the agents for which you take it back.");
  for (const { id, hostName } of await named(api, typed, tenant)) {
    await api.request("DELETE", `/agents/${id}/decommission`);
    terminal.print(`${visible(hostName)} stays.\n`);
  }
}

function addCleanUpCommand(agent: Command, terminal: Terminal): void {
  agent
    .command("clean-up")
    .description("Show whom the clean-up of silent agents would delete now. Deletes nobody; profiles switch it on.")
    .option("--tenant <tenant>", "only agents of this tenant (name or id)")
    .option("--profile <profile>", "only agents of this profile (name or id)")
    .option("--after-days <n>", "instead of what the profiles say: after so many days of silence", positiveInteger)
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        "postern agent clean-up --tenant acme --after-days 90",
        "postern profile set Default --tenant acme --clean-up-after-days 90",
      ),
    )
    .action(
      withApi(terminal, async (api, options: TenantOption & { profile?: string; afterDays?: number; json?: true }) => {
        const tenantId = options.tenant === undefined ? undefined : (await findTenant(api, options.tenant)).id;
        const profile =
          options.profile === undefined ? undefined : await findProfile(api, options.profile, options.tenant);
        const query = { tenantId, profileId: profile?.id, afterDays: options.afterDays };
        const preview: CleanUpPreview = await get(api, "/agents/clean-up", query);
        if (options.json) return terminal.print(asJson(preview));
        if (preview.matched === 0) terminal.say("Nobody has been silent long enough.\n");
        else terminal.print(asTable(preview.agents, silentColumns(terminal.now())));
        const { matched, agents, waitsUntil } = preview;
        if (matched > agents.length) terminal.say(`And ${matched - agents.length} more.\n`);
        if (waitsUntil !== null) {
          terminal.say(`Nobody is deleted before ${utcTime(waitsUntil)}: the cluster was away itself.\n`);
        }
      }),
    );
}

async function named(api: Api, typed: readonly string[], tenant: string | undefined): Promise<Agent[]> {
  const agents: Agent[] = [];
  for (const one of typed) agents.push(await findAgent(api, one, tenant));
  return agents;
}

function sentenceOf({ matched, changed, protected: on }: DecommissionPreview): string {
  const agents = `${changed} of ${matched} ${matched === 1 ? "agent" : "agents"}`;
  return on === 0 ? agents : `${agents}, ${on} of them protected`;
}

const tombstoneColumns: readonly Column<Tombstone>[] = [
  { heading: "HOST", value: ({ hostName }) => hostName },
  { heading: "TENANT", value: ({ tenant }) => tenant.name },
  { heading: "PLATFORM", value: ({ platform }) => platform },
  { heading: "PROTECTION", value: ({ protection }) => protection ?? "-" },
  { heading: "DELETED", value: ({ deletedAt }) => utcTime(deletedAt) },
  { heading: "BY", value: ({ deletedBy }) => deletedBy },
  { heading: "ID", value: ({ id }) => id },
];

function silentColumns(now: number): readonly Column<CleanUpPreview["agents"][number]>[] {
  return [
    { heading: "HOST", value: ({ hostName }) => hostName },
    { heading: "PROTECTION", value: ({ protection }) => protection ?? "-" },
    { heading: "SEEN", value: ({ seenAt }) => fromNow(seenAt, now) },
    { heading: "AFTER DAYS", value: ({ afterDays }) => String(afterDays) },
    { heading: "ID", value: ({ id }) => id },
  ];
}
