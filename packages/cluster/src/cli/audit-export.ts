import { type Command, Option } from "commander";
import type { Api } from "./api.ts";
import { type AuditFilterOptions, filterQuery, withFilters } from "./audit-filters.ts";
import { examples, withApi } from "./command.ts";
import { downloadTo } from "./download.ts";
import type { Terminal } from "./terminal.ts";

interface ExportOptions extends AuditFilterOptions {
  readonly format: "jsonl" | "csv";
  readonly out?: string;
}

/** `postern audit export` */
export function addAuditExport(audit: Command, terminal: Terminal): void {
  withFilters(
    audit
      .command("export")
      .description("Export entries: as JSON lines with their exact text, for verification elsewhere, or as CSV."),
    terminal,
  )
    .addOption(new Option("--format <format>", "jsonl or csv").choices(["jsonl", "csv"]).default("jsonl"))
    .option("--out <file>", "into this file, which must not be there yet, instead of standard output")
    .addHelpText(
      "after",
      examples(
        "postern audit export --out audit.jsonl",
        "postern audit export --format csv --tenant acme --since 30d --out acme.csv",
      ),
    )
    .action(withApi(terminal, (api, options: ExportOptions) => exportEntries(terminal, api, options)));
}

async function exportEntries(terminal: Terminal, api: Api, options: ExportOptions): Promise<void> {
  const { format, out } = options;
  const query = { ...(await filterQuery(api, options)), format };
  await downloadTo(terminal, api, "/audit", query, out, "The export is");
}
