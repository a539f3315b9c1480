import type { Command } from "commander";
import { type Api, post } from "./api.ts";
import { examples, jsonOption, withApi } from "./command.ts";
import { wrongUsage } from "./failure.ts";
import { findAgent, findTenant } from "./find.ts";
import type { Terminal } from "./terminal.ts";
import { asJson } from "./text.ts";

interface LabelOptions {
  readonly tenant?: string;
  readonly search?: string;
  readonly withLabel?: string;
  readonly all?: true;
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
  readonly preview?: true;
  readonly json?: true;
}

interface LabelsResult {
  readonly matched: number;
  readonly changed: number;
}

/** `postern agent label`: words by which people sort agents, given to one or to many at once. */
export function addLabelCommand(agent: Command, terminal: Terminal): void {
  agent
    .command("label")
    .description("Add labels to agents and take labels away. Intents may go by labels, so this may change protection.")
    .argument("[agents...]", "host names or ids")
    .option("--add <labels...>", "labels to add, such as site:berlin")
    .option("--remove <labels...>", "labels to take away")
    .option("--tenant <tenant>", "the tenant that the agents belong to (name or id)")
    .option("--search <text>", "instead of names: those with this in their host name or in a label")
    .option("--with-label <label>", "instead of names: those with this label")
    .option("--all", "instead of names: all that you see, or all of --tenant")
    .option("--preview", "only say how many agents would change")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        "postern agent label WS-PAYROLL-07 WS-PAYROLL-08 --add site:berlin payroll",
        "postern agent label --tenant acme --search ws-payroll --add payroll --preview",
        "postern agent label --with-label payroll --remove payroll",
      ),
    )
    .action(
      withApi(terminal, async (api, typed: readonly string[], options: LabelOptions) => {
        const { add = [], remove = [], preview, json } = options;
        if (add.length + remove.length === 0) throw wrongUsage("Give labels with --add or --remove.");
        const body = { ...(await selectionOf(api, typed, options)), add, remove };
        const result: LabelsResult = await post(api, `/agents/labels${preview ? "/preview" : ""}`, body);
        terminal.print(json ? asJson(result) : `${sentenceOf(result, preview === true)}\n`);
      }),
    );
}

/** How many agents are named: by names, or by what picks them out. @throws {CommandFailed} 2 */
export async function selectionOf(
  api: Api,
  typed: readonly string[],
  options: Pick<LabelOptions, "tenant" | "search" | "withLabel" | "all">,
): Promise<object> {
  const { tenant, search: q, withLabel: label, all } = options;
  const byFilter = q !== undefined || label !== undefined || all === true;
  if (typed.length > 0 && byFilter) throw wrongUsage("Name agents, or pick them by --search, --with-label, --all.");
  if (typed.length > 0) {
    const agentIds: string[] = [];
    for (const one of typed) agentIds.push((await findAgent(api, one, tenant)).id);
    return { agentIds };
  }
  if (!byFilter) throw wrongUsage("Name agents, or pick them by --search, --with-label, --all.");
  const tenantId = tenant === undefined ? undefined : (await findTenant(api, tenant)).id;
  return { filter: { tenantId, q, label } };
}

function sentenceOf({ matched, changed }: LabelsResult, preview: boolean): string {
  const agents = (count: number) => `${count} ${count === 1 ? "agent" : "agents"}`;
  return preview ? `Would change ${changed} of ${agents(matched)}.` : `Changed ${changed} of ${agents(matched)}.`;
}
