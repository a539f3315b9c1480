import { type Command, Option } from "commander";
import type { AuditEntry, AuditVerification } from "./answers.ts";
import { type Api, get, list } from "./api.ts";
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
import { CommandFailed, exitCodes } from "./failure.ts";
import { findTenant, tenantNames } from "./find.ts";
import type { Terminal } from "./terminal.ts";
import { asJson, asTable, type Column, visible } from "./text.ts";
import { utcTime } from "./times.ts";

interface AuditOptions extends ListOptions {
  readonly tenant?: string;
  readonly action?: string;
  readonly outcome?: string;
  readonly who?: string;
  readonly target?: string;
  readonly since?: string;
  readonly until?: string;
}

const columns: readonly Column<AuditEntry>[] = [
  { heading: "AT", value: ({ at }) => utcTime(at) },
  { heading: "WHO", value: ({ who }) => who.name },
  { heading: "ACTION", value: ({ action }) => action },
  { heading: "OUTCOME", value: ({ outcome }) => outcome },
  {
    heading: "TARGET",
    value: ({ target }) => (target ? `${target.kind} ${target.name ?? target.id ?? ""}` : undefined),
  },
  { heading: "FROM", value: ({ from }) => from.address ?? undefined },
  { heading: "WHY", value: ({ why }) => why ?? undefined },
];

export function addAuditCommands(program: Command, terminal: Terminal): void {
  const audit = topic(program, "audit", "The audit log: who did what, when, from where, why.");

  audit
    .command("list")
    .description("List entries of the audit log, newest first.")
    .option("--tenant <tenant>", "only those of this tenant (name or id)")
    .option("--action <action>", "only this action, such as agent-token.generate")
    .addOption(new Option("--outcome <outcome>", "only this outcome").choices(["done", "refused", "failed"]))
    .option("--who <id>", "only what this user, API key or agent did")
    .option("--target <id>", "only what was done to this object")
    .addOption(timeOption(terminal, "--since <time>", "from then on: 2h, 7d, or 2026-11-24T08:00:00Z", "ago"))
    .addOption(timeOption(terminal, "--until <time>", "before then", "ago"))
    .addOption(limitOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        "postern audit list --since 24h",
        "postern audit list --action agent-token.generate --tenant acme --json",
      ),
    )
    .action(withApi(terminal, (api, options: AuditOptions) => listEntries(terminal, api, options)));

  audit
    .command("verify")
    .description(
      "Recompute the chains of the audit log. Exit code 3 when an entry was changed, removed or put elsewhere.",
    )
    .addOption(jsonOption())
    .addHelpText("after", examples("postern audit verify"))
    .action(withApi(terminal, (api, options: { json?: true }) => verify(terminal, api, options)));
}

async function listEntries(terminal: Terminal, api: Api, options: AuditOptions): Promise<void> {
  const { action, outcome, who: whoId, target: targetId, since, until } = options;
  const tenantId = options.tenant === undefined ? undefined : (await findTenant(api, options.tenant)).id;
  const query = { tenantId, action, outcome, whoId, targetId, since, until };
  const listed = await list<AuditEntry>(api, "/audit", query, options.limit);
  printList(terminal, listed, options, { columns, none: "No entries." });
}

async function verify(terminal: Terminal, api: Api, { json }: { readonly json?: true }): Promise<void> {
  const verification: AuditVerification = await get(api, "/audit/verification");
  const names = json ? new Map<string, string>() : await tenantNames(api);
  type Chain = AuditVerification["chains"][number];
  const chainName = ({ tenantId }: Chain) => (tenantId === null ? "cluster" : (names.get(tenantId) ?? tenantId));
  const chains: readonly Column<Chain>[] = [
    { heading: "CHAIN", value: chainName },
    { heading: "ENTRIES", value: ({ entries }) => String(entries) },
    { heading: "VERDICT", value: ({ fault }) => (fault ? `${fault.code} at entry ${fault.seq}` : "intact") },
    { heading: "HEAD", value: ({ head }) => head },
  ];
  terminal.print(json ? asJson(verification) : asTable(verification.chains, chains));
  if (verification.intact) return;
  const broken = verification.chains.filter(({ fault }) => fault !== null).map((chain) => visible(chainName(chain)));
  throw new CommandFailed(exitCodes.refused, `The audit log was tampered with: ${broken.join(", ")}.`, [
    "Compare with a copy of the database from before, and ask who could write to it since.",
  ]);
}
