import { type Command, Option } from "commander";
import type { Alarm } from "./answers.ts";
import { type Api, get, list, post } from "./api.ts";
import { examples, jsonOption, type ListOptions, limitOption, printList, topic, withApi } from "./command.ts";
import { findAgent, findTenant } from "./find.ts";
import type { Terminal } from "./terminal.ts";
import { asDetail, asJson, type Column } from "./text.ts";
import { fromNow, localTime, utcTime } from "./times.ts";

interface AlarmListOptions extends ListOptions {
  readonly tenant?: string;
  readonly agent?: string;
  readonly kind?: string;
  readonly state?: string;
  readonly severity?: string;
}

export function addAlarmCommands(program: Command, terminal: Terminal): void {
  const alarm = topic(program, "alarm", "Alarms: what somebody should look at.");

  alarm
    .command("list")
    .description("List alarms, newest first.")
    .option("--tenant <tenant>", "only those of this tenant (name or id)")
    .option("--agent <agent>", "only those about this agent (host name or id)")
    .option("--kind <kind>", "only this kind, such as protected_agent_silent")
    .addOption(new Option("--state <state>", "only this state").choices(["open", "acknowledged", "resolved"]))
    .addOption(new Option("--severity <severity>", "only this severity").choices(["problem", "warning"]))
    .addOption(limitOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        "postern alarm list --state open",
        "postern alarm list --kind redemption_never_issued --tenant acme",
        "postern alarm list --state open --severity problem --json",
      ),
    )
    .action(withApi(terminal, (api, options: AlarmListOptions) => listAlarms(terminal, api, options)));

  alarm
    .command("show")
    .description("Show one alarm: what happened, how often, who has seen it, and what to do next.")
    .argument("<id>", "its id, as postern alarm list shows it")
    .addOption(jsonOption())
    .addHelpText("after", examples("postern alarm show 019a8f00-5a3e-7c41-9a77-0d2f6f1c2b34"))
    .action(
      withApi(terminal, async (api, id: string, { json }: { json?: true }) => {
        const found: Alarm = await get(api, `/alarms/${encodeURIComponent(id)}`);
        terminal.print(json ? asJson(found) : detailOf(found));
      }),
    );

  alarm
    .command("acknowledge")
    .description(
      "Say that you have seen an alarm, and what you found. One about something that happened is settled by that; one " +
        "about something that goes on stays until it ends by itself. Entered in the audit log.",
    )
    .argument("<id>", "its id, as postern alarm list shows it")
    .requiredOption("--comment <text>", "what was found or done, 3 to 500 characters")
    .addHelpText(
      "after",
      examples(
        'postern alarm acknowledge 019a8f00-5a3e-7c41-9a77-0d2f6f1c2b34 --comment "rebuilt on purpose, see CHG-4711"',
      ),
    )
    .action(
      withApi(terminal, async (api, id: string, { comment }: { comment: string }) => {
        const { state }: Alarm = await post(api, `/alarms/${encodeURIComponent(id)}/acknowledge`, { comment });
        terminal.say(state === "resolved" ? "Acknowledged; it has ended meanwhile.\n" : "Acknowledged.\n");
      }),
    );
}

async function listAlarms(terminal: Terminal, api: Api, options: AlarmListOptions): Promise<void> {
  const { kind, state, severity } = options;
  const tenantId = options.tenant === undefined ? undefined : (await findTenant(api, options.tenant)).id;
  const agentId = options.agent === undefined ? undefined : (await findAgent(api, options.agent, options.tenant)).id;
  const listed = await list<Alarm>(api, "/alarms", { tenantId, agentId, kind, state, severity }, options.limit);
  const now = terminal.now();
  const columns: readonly Column<Alarm>[] = [
    { heading: "ID", value: ({ id }) => id },
    { heading: "KIND", value: (row) => row.kind },
    { heading: "SEVERITY", value: (row) => row.severity },
    { heading: "STATE", value: (row) => row.state },
    { heading: "AGENT", value: ({ agent }) => agent?.hostName },
    { heading: "TENANT", value: ({ tenant }) => tenant?.name ?? "the cluster" },
    { heading: "TIMES", value: ({ count }) => String(count) },
    { heading: "LAST", value: ({ lastAt }) => fromNow(lastAt, now) },
  ];
  printList(terminal, listed, options, { columns, none: "No alarms." });
}

function detailOf(alarm: Alarm): string {
  const time = (instant: string) => `${localTime(instant)} (${utcTime(instant)})`;
  const { acknowledged } = alarm;
  return asDetail([
    ["id", alarm.id],
    ["kind", alarm.kind],
    ["what", alarm.title],
    ["severity", alarm.severity],
    ["state", alarm.state],
    ["tenant", alarm.tenant ? `${alarm.tenant.name} (${alarm.tenant.id})` : "none; it concerns the cluster"],
    ["agent", alarm.agent ? `${alarm.agent.hostName} (${alarm.agent.id})` : undefined],
    ["raised", time(alarm.raisedAt)],
    ["last", alarm.count > 1 ? `${time(alarm.lastAt)}, ${alarm.count} times in all` : undefined],
    ...Object.entries(alarm.data).map(([name, value]) => [name, String(value)] as const),
    ["acknowledged", acknowledged ? `${time(acknowledged.at)} by ${acknowledged.by.name}` : undefined],
    ["comment", acknowledged?.comment],
    ["resolved", alarm.resolvedAt === null ? undefined : time(alarm.resolvedAt)],
    ["next", alarm.advice],
  ]);
}
