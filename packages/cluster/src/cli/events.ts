import { type Command, Option } from "commander";
import type { JournalEvent } from "./answers.ts";
import { type Api, list, type Query } from "./api.ts";
import {
  examples,
  jsonOption,
  type ListOptions,
  limitOption,
  printList,
  timeOption,
  topic,
  withApi,
} from "./command.ts";
import { followStream } from "./event-stream.ts";
import { findAgent, findTenant } from "./find.ts";
import type { Terminal } from "./terminal.ts";
import type { Column } from "./text.ts";
import { visible } from "./text.ts";
import { utcTime } from "./times.ts";
import { whatOf } from "./what-happened.ts";

interface EventListOptions extends ListOptions {
  readonly tenant?: string;
  readonly agent?: string;
  readonly kind?: string;
  readonly since?: string;
  readonly until?: string;
  readonly follow?: true;
}

/** Entries of a node whose commit came later may be older than what was printed already. */
const overlapMs = 60_000;
/** Printed before following when nobody says how many. */
const firstRows = 10;

export function addEventCommands(program: Command, terminal: Terminal): void {
  const event = topic(program, "event", "Events: what agents journaled about their protection.");

  event
    .command("list")
    .description("List journal entries of all agents that you see, newest first.")
    .option("--tenant <tenant>", "only those of this tenant (name or id)")
    .option("--agent <agent>", "only those of this agent (host name or id)")
    .option("--kind <kind>", "only this kind, such as redeemed")
    .addOption(timeOption(terminal, "--since <time>", "received then or later: 2h, 7d, or 2026-11-24T08:00:00Z", "ago"))
    .addOption(timeOption(terminal, "--until <time>", "received before then", "ago"))
    .addOption(new Option("--follow", `print the newest, oldest first, and go on with what comes`).conflicts("until"))
    .addOption(limitOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
With --follow and --json each line is one entry. The newest ${firstRows} come first, or as many as --limit says.
${examples("postern event list --kind redeemed --since 7d", "postern event list --tenant acme --follow")}`,
    )
    .action(
      withApi(terminal, async (api, options: EventListOptions, command: Command) => {
        const query = await queryOf(api, options);
        if (options.follow) {
          const isGiven = command.getOptionValueSource("limit") === "cli";
          return follow(terminal, api, query, { ...options, limit: isGiven ? options.limit : firstRows });
        }
        const listed = await list<JournalEvent>(api, "/events", query, options.limit);
        printList(terminal, listed, options, { columns, none: "No events." });
      }),
    );
}

async function queryOf(api: Api, { tenant, agent, kind, since, until }: EventListOptions): Promise<Query> {
  const tenantId = tenant === undefined ? undefined : (await findTenant(api, tenant)).id;
  const agentId = agent === undefined ? undefined : (await findAgent(api, agent, tenant)).id;
  return { tenantId, agentId, kind, since, until };
}

const columns: readonly Column<JournalEvent>[] = [
  { heading: "RECEIVED", value: ({ receivedAt }) => utcTime(receivedAt) },
  { heading: "AGENT", value: ({ agent }) => agent.hostName },
  { heading: "KIND", value: ({ kind }) => kind },
  { heading: "WHAT", value: (event) => whatOf(event) },
];

/** Prints entries as they arrive, until the program is ended. @throws {CommandFailed} when the log-in has ended */
async function follow(terminal: Terminal, api: Api, query: Query, { limit, json }: ListOptions): Promise<void> {
  /** Printed entries by id, with the time at which they were received. */
  const printed = new Map<string, number>();
  const print = (event: JournalEvent) => {
    printed.set(event.id, Date.parse(event.receivedAt));
    const line = json ? JSON.stringify(event) : visible(columns.map(({ value }) => value(event) ?? "-").join("  "));
    terminal.print(`${line}\n`);
  };
  const newest = await list<JournalEvent>(api, "/events", query, limit);
  for (const event of [...newest.items].reverse()) print(event);
  let since = newest.items[0] ? Date.parse(newest.items[0].receivedAt) : terminal.now() - overlapMs;

  await followStream(terminal, api, ["journal"], async () => {
    const from = new Date(Math.max(since - overlapMs, Date.parse(String(query["since"] ?? 0)) || 0)).toISOString();
    const { items } = await list<JournalEvent>(api, "/events", { ...query, since: from, sort: "receivedAt" }, 10_000);
    for (const event of items) if (!printed.has(event.id)) print(event);
    since = Math.max(since, ...items.map(({ receivedAt }) => Date.parse(receivedAt)));
    for (const [id, at] of printed) if (at < since - overlapMs) printed.delete(id);
  });
}
