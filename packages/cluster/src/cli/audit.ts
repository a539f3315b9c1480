import { type Command, Option } from "commander";
import type { AuditEntry, AuditRetention } from "./answers.ts";
import { type Api, get, list } from "./api.ts";
import { addAuditExport } from "./audit-export.ts";
import { type AuditFilterOptions, filterQuery, withFilters } from "./audit-filters.ts";
import { addAuditVerify, chainNames } from "./audit-verify.ts";
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
import type { Terminal } from "./terminal.ts";
import { asJson, asTable, type Column } from "./text.ts";
import { utcTime } from "./times.ts";

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

  withFilters(audit.command("list").description("List entries of the audit log, newest first."), terminal)
    .addOption(new Option("--oldest-first", "in the order in which it happened"))
    .addOption(limitOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        "postern audit list --since 24h",
        "postern audit list --who alice --target-kind agent-token",
        "postern audit list --action agent-token.generate --tenant acme --json",
      ),
    )
    .action(
      withApi(terminal, (api, options: AuditFilterOptions & ListOptions & { oldestFirst?: true }) =>
        listEntries(terminal, api, options),
      ),
    );

  addAuditExport(audit, terminal);
  addAuditVerify(audit, terminal);

  audit
    .command("retention")
    .description("Show what retention would remove now; removing is switched on with POSTERN_AUDIT_RETENTION_DAYS.")
    .addOption(
      timeOption(terminal, "--before <time>", "as if all was removed that was signed before: 90d, or a time", "ago"),
    )
    .addOption(jsonOption())
    .addHelpText("after", examples("postern audit retention", "postern audit retention --before 365d"))
    .action(
      withApi(terminal, (api, options: { before?: string; json?: true }) => showRetention(terminal, api, options)),
    );
}

async function listEntries(
  terminal: Terminal,
  api: Api,
  options: AuditFilterOptions & ListOptions & { readonly oldestFirst?: true },
): Promise<void> {
  const query = { ...(await filterQuery(api, options)), sort: options.oldestFirst ? "at" : undefined };
  const listed = await list<AuditEntry>(api, "/audit", query, options.limit);
  printList(terminal, listed, options, { columns, none: "No entries." });
}

async function showRetention(
  terminal: Terminal,
  api: Api,
  { before, json }: { readonly before?: string; readonly json?: true },
): Promise<void> {
  const retention: AuditRetention = await get(api, "/audit/retention", { before });
  if (json) {
    terminal.print(asJson(retention));
    return;
  }
  const nameOf = await chainNames(api);
  if (retention.chains.length > 0) {
    terminal.print(
      asTable(retention.chains, [
        { heading: "CHAIN", value: nameOf },
        { heading: "WOULD GO", value: ({ entries }) => String(entries) },
        { heading: "THROUGH ENTRY", value: ({ throughSeq }) => String(throughSeq) },
      ]),
    );
  } else terminal.say("Nothing would go.\n");
  terminal.say(
    retention.days === null
      ? "Retention is off: entries are kept for ever.\n"
      : `Entries are kept for ${retention.days} days after they were signed.\n`,
  );
}
