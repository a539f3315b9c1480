import { type Command, Option } from "commander";
import type { Api, Query } from "./api.ts";
import { timeOption } from "./command.ts";
import { findTenant, findUser, isId } from "./find.ts";
import type { Terminal } from "./terminal.ts";

export interface AuditFilterOptions {
  readonly tenant?: string;
  readonly action?: string;
  readonly outcome?: string;
  readonly who?: string;
  readonly targetKind?: string;
  readonly target?: string;
  readonly since?: string;
  readonly until?: string;
}

/** Who, what, when, on which object, in which tenant: the same for everything that reads entries. */
export function withFilters(command: Command, terminal: Terminal): Command {
  return command
    .option("--tenant <tenant>", "only those of this tenant (name or id)")
    .option("--action <action>", "only this action, such as agent-token.generate")
    .addOption(new Option("--outcome <outcome>", "only this outcome").choices(["done", "refused", "failed"]))
    .option("--who <user>", "only what this user did (name or id), or the API key or agent of this id")
    .option("--target-kind <kind>", "only what was done to objects of this kind, such as agent or profile")
    .option("--target <id>", "only what was done to this object")
    .addOption(timeOption(terminal, "--since <time>", "from then on: 2h, 7d, or 2026-11-24T08:00:00Z", "ago"))
    .addOption(timeOption(terminal, "--until <time>", "before then", "ago"));
}

/** The filters as the API takes them; names become ids. @throws {CommandFailed} 2 */
export async function filterQuery(api: Api, options: AuditFilterOptions): Promise<Query> {
  const { tenant, action, outcome, who, targetKind, target: targetId, since, until } = options;
  const tenantId = tenant === undefined ? undefined : (await findTenant(api, tenant)).id;
  const whoId = who === undefined || isId(who) ? who : (await findUser(api, who)).id;
  return { tenantId, action, outcome, whoId, targetKind, targetId, since, until };
}
